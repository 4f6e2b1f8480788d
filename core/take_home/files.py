"""The files that are offered of a run, what each is for, and one zip of all."""

import io
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from textwrap import wrap
from typing import Final, Literal

from core.data.catalogue import info_of
from core.data.preparation import in_words
from core.runs.record import ENDED, RunRecord
from core.spec.codec import to_json
from core.take_home.cache import FileCache
from core.take_home.contents import RunContents, TakeHomeError, one_line, result_of, when
from core.take_home.figures import epochs_csv, picture, steps_csv
from core.take_home.lesson import requirements
from core.take_home.notebook import notebook
from core.take_home.onnx_graph import OPSET, onnx_file
from core.take_home.report import report
from core.take_home.script import script
from core.take_home.weights import MAX_WEIGHT_BYTES, loader, weights_file
from core.words.message import N_, message
from core.words.palette import LIGHT

Tell = Callable[[str], None]
Need = Literal["nothing", "end", "curves", "weights"]

# The earliest that a zip can say.
_ZIP_EPOCH: Final = datetime(1980, 1, 1, tzinfo=UTC).timestamp()
# Files that compression makes no smaller.
_DENSE: Final = frozenset({"weights.safetensors", "network.onnx", "curves.png"})
_ZIP_NAME: Final = "everything"


@dataclass(frozen=True, kw_only=True)
class File:
    """One kind of file.

    Attributes:
        name: in the zip and on a person's disk.
        words: half a sentence that says what it is for.
        need: what a run must have before it is offered.
        make: writes it; calls what it is given with what it does, where that takes a while.
    """

    name: str
    words: str
    mime: str
    need: Need
    make: Callable[[RunContents, Tell], bytes | str]


FILES: Final = (
    File(
        name="train.py",
        words=N_("trains it again with PyTorch alone and compares"),
        mime="text/x-python",
        need="end",
        make=lambda contents, tell: script(contents),
    ),
    File(
        name="train.ipynb",
        words=N_("the same as a Jupyter notebook"),
        mime="application/x-ipynb+json",
        need="end",
        make=lambda contents, tell: notebook(contents),
    ),
    File(
        name="weights.safetensors",
        words=N_("what it has learned, with its configuration; NetSketch reads it too"),
        mime="application/octet-stream",
        need="weights",
        make=lambda contents, tell: weights_file(contents),
    ),
    File(
        name="load_weights.py",
        words=N_("loads the weights and names a digit"),
        mime="text/x-python",
        need="weights",
        make=lambda contents, tell: loader(contents),
    ),
    File(
        name="network.onnx",
        words=N_("for other programs: pixels in, probabilities out; checked against PyTorch"),
        mime="application/octet-stream",
        need="weights",
        make=onnx_file,
    ),
    File(
        name="configuration.json",
        words=N_("every setting; NetSketch reads it too"),
        mime="application/json",
        need="nothing",
        make=lambda contents, tell: to_json(contents.spec) + "\n",
    ),
    File(
        name="steps.csv",
        words=N_("loss and accuracy of every step"),
        mime="text/csv",
        need="curves",
        make=lambda contents, tell: steps_csv(contents),
    ),
    File(
        name="epochs.csv",
        words=N_("training and validation after every epoch"),
        mime="text/csv",
        need="curves",
        make=lambda contents, tell: epochs_csv(contents),
    ),
    File(
        name="curves.png",
        words=N_("the curves as a picture"),
        mime="image/png",
        need="curves",
        make=lambda contents, tell: picture(contents, LIGHT, "png"),
    ),
    File(
        name="report.html",
        words=N_("all about it on one page, to print or send"),
        mime="text/html",
        need="end",
        make=lambda contents, tell: report(contents),
    ),
)

_cache: Final = FileCache()


def offered(record: RunRecord, *, has_weights: bool) -> tuple[File, ...]:
    """Return the files that can be made of a run; cheap."""
    ended = record.status in ENDED
    there: dict[Need, bool] = {
        "nothing": True,
        "end": ended,
        "curves": ended and record.step > 0,
        "weights": ended and has_weights,
    }
    return tuple(_as_it_is(file, record) for file in FILES if there[file.need])


def _as_it_is(file: File, record: RunRecord) -> File:
    """Say of a file of weights that NetSketch does not take it back, where it is too large."""
    if file.name != "weights.safetensors" or 4 * record.params <= MAX_WEIGHT_BYTES:
        return file
    return replace(
        file,
        words=message(
            "what it has learned, with its configuration; more than the {most} MB that NetSketch "
            "takes back",
            most=MAX_WEIGHT_BYTES // 2**20,
        ),
    )


def make(contents: RunContents, name: str, tell: Tell = lambda words: None) -> bytes:
    """Return a file, made now or kept from before; one at a time is made in a process.

    Raises:
        TakeHomeError: it cannot be made of this run.
        KeyError: there is no such file.
    """
    file = {file.name: file for file in FILES}[name]
    return _cache.take(contents, name, lambda: _bytes(file.make(contents, tell)), tell)


def everything(contents: RunContents, tell: Tell = lambda words: None) -> bytes:
    """Return a zip of all files that can be made of a run, and a README.txt that explains them."""
    return _cache.take(contents, _ZIP_NAME, lambda: _zip(contents, tell), tell)


def folder_name(record: RunRecord) -> str:
    """Return the name of the zip without its ending, and of the folder in it."""
    return f"netsketch-{record.id}"


def _zip(contents: RunContents, tell: Tell) -> bytes:
    made: dict[str, bytes] = {}
    missing: list[str] = []
    for file in offered(contents.record, has_weights=contents.weights is not None):
        tell(message("Making {file}", file=file.name))
        try:
            made[file.name] = make(contents, file.name, tell)
        except TakeHomeError as error:
            missing.append(f"{file.name} is missing. {error}")
    tell(N_("Packing"))
    made = {"README.txt": _readme(contents, made, missing).encode()} | made
    moment = max(contents.record.ended_at or contents.record.created_at, _ZIP_EPOCH)
    date = datetime.fromtimestamp(moment, UTC).timetuple()[:6]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in made.items():
            entry = zipfile.ZipInfo(f"{folder_name(contents.record)}/{name}", date)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_STORED if name in _DENSE else zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return packed.getvalue()


def _readme(contents: RunContents, made: Iterable[str], missing: Iterable[str]) -> str:
    record, info = contents.record, info_of(contents.spec.data)
    names = set(made)
    width = max(len(name) for name in names)
    listed = [f"{file.name:<{width}}  {file.words}" for file in FILES if file.name in names]
    lines = [
        one_line(record.name),
        f"A run of NetSketch, {record.status}, {when(record)}.",
        result_of(record),
        "",
        *listed,
        *missing,
        "",
        "To train it again, in a folder of its own:",
        "",
        f"    pip install {' '.join(requirements(record))}",
        "    python train.py",
    ]
    if names & {"network.onnx", "weights.safetensors"}:
        lines += [
            "",
            *wrap(
                f"The network is to be shown images such as it learned from: {in_words(info)}.", 90
            ),
        ]
    if "network.onnx" in names:
        lines += [
            "",
            f"network.onnx (opset {OPSET}) takes `pixels`, uint8 (batch, 1, 28, 28) from 0, black, "
            "to 255,",
            f"and returns `probabilities`, float32 (batch, {len(info.class_names)}). With pip "
            "install onnxruntime:",
            "",
            "    session = onnxruntime.InferenceSession('network.onnx')",
            "    (probabilities,) = session.run(None, {'pixels': pixels})",
        ]
    if "weights.safetensors" in names:
        lines += [
            "",
            "weights.safetensors needs pip install torch safetensors; load_weights.py shows how.",
        ]
    return "\n".join(lines) + "\n"


def _bytes(content: bytes | str) -> bytes:
    return content if isinstance(content, bytes) else content.encode()
