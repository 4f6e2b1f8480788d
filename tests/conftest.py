"""What every test shares: seeds, one core, a data folder of its own, and small digits."""

import random
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from core.data.loading import Digits, Split
from core.machine.device import take_one_core
from core.spec import MAX_BLOCKS, MAX_DENSE, BlockSpec, DenseSpec, RunSpec, settings
from core.spec.settings import Choice, Flag, Number

# The same examples on every machine, so that a failure seen in one place can be seen in another,
# and however slow it is: a machine that others use fails no test.
hypothesis.settings.register_profile(
    "netsketch",
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("netsketch")

_BROWSER = "tests/e2e/"
# Of a word in the name of a case.
_MAX_WORD = 32


class _BrowserBesideTheRest(LoadScopeScheduling):
    """Keeps one process of `make test` busy with the browser, and others with the rest.

    What waits for a browser leaves time for what computes; two browsers would be in each other's
    way. Tests of a file stay together, as they share what is slow to make.
    """

    def _split_scope(self, nodeid: str) -> str:
        return _BROWSER if nodeid.startswith(_BROWSER) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Share the tests out among processes."""
    return _BrowserBesideTheRest(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the browser, whose tests are half of the work."""
    items.sort(key=lambda item: not item.nodeid.startswith(_BROWSER))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Give every case a short name that is the same in every process.

    The processes of `make test` collect for themselves and compare names, and bytes may hold the
    time of day (gzip writes it), so no name is made of them; pytest tells equal ones apart by a
    number.
    """
    if isinstance(val, bytes | bytearray):
        return argname
    if isinstance(val, str):
        words = re.sub(r"[^!-~]+", " ", val).strip()
        return words[:_MAX_WORD].strip() or argname
    return None


@pytest.fixture(scope="session")
def data_home(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder for data and caches that is not the user's own."""
    return str(tmp_path_factory.mktemp("netsketch-data"))


@pytest.fixture(autouse=True)
def same_start(data_home: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start every test from the same seeds, on one core, away from the user's data.

    What is downloaded there is shared; a test's own images are gone with it.
    """
    monkeypatch.setenv("NETSKETCH_DATA", data_home)
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    take_one_core()
    yield
    take_one_core()
    shutil.rmtree(Path(data_home) / "own", ignore_errors=True)


def _split(count: int, generator: torch.Generator) -> Split:
    labels = torch.arange(count) % 10
    images = torch.randint(0, 60, (count, 1, 28, 28), generator=generator, dtype=torch.uint8)
    for i, label in enumerate(labels.tolist()):
        top, left = 4 + 12 * (label // 5), 1 + 5 * (label % 5)
        images[i, 0, top : top + 8, left : left + 4] = 255
    return Split(images, labels)


@pytest.fixture(scope="session")
def make_digits() -> Callable[..., Digits]:
    """Make data that any network learns at once: each digit is a bright bar in its own place."""

    def make(train: int, validation: int = 20, test: int = 30) -> Digits:
        generator = torch.Generator().manual_seed(train)
        parts = [_split(count, generator) for count in (train, validation, test)]
        return Digits("bars", "Bars", *parts)

    return make


def values_of(record: object, *, most: float = float("inf")) -> SearchStrategy[object]:
    """Draw from all that one setting allows; whole numbers up to `most` only."""
    match record:
        case Flag():
            return st.booleans()
        case Choice():
            return st.sampled_from(list(record.options))
        case Number(whole=True):
            return st.integers(int(record.low), int(min(record.high, most)))
        case Number():
            return st.floats(record.low, record.high)
    raise TypeError(record)


def parts_of(cls: type, *, most: float = float("inf")) -> dict[str, SearchStrategy[object]]:
    """A strategy for every described field of a spec class."""
    return {name: values_of(record, most=most) for name, record in settings(cls).items()}


def spec_strategy(*, most: float = float("inf"), **fixed: SearchStrategy[object]):
    """Draw valid specs over the whole table of settings.

    Args:
        most: upper limit of channels, units and every other whole number.
        fixed: strategies to take instead of the table's, for fields of any of the three classes.
    """

    def drawn(cls: type) -> dict[str, SearchStrategy[object]]:
        named = {f.name for f in fields(cls)}
        return parts_of(cls, most=most) | {k: v for k, v in fixed.items() if k in named}

    blocks = st.lists(st.builds(BlockSpec, **drawn(BlockSpec)), min_size=1, max_size=MAX_BLOCKS)
    dense = st.lists(st.builds(DenseSpec, **drawn(DenseSpec)), max_size=MAX_DENSE)
    return st.builds(RunSpec, blocks=blocks.map(tuple), dense=dense.map(tuple), **drawn(RunSpec))


@pytest.fixture(scope="session")
def specs() -> Callable[..., SearchStrategy[RunSpec]]:
    """See `spec_strategy`."""
    return spec_strategy


@pytest.fixture(scope="session")
def fields_of() -> Callable[..., dict[str, SearchStrategy[object]]]:
    """See `parts_of`."""
    return parts_of
