"""What is known of a run besides its curves and its weights, as frozen data."""

import math
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, Final, Literal, get_args

import torch

from core.machine import device as devices
from core.machine.device import Device
from core.runs.before_version_5 import device_of_words, message_of_words
from core.spec import RunSpec
from core.spec.codec import from_dict, to_dict
from core.training.precision import Precision
from core.training.thread_counts import Stretch, of_plain
from core.training.thread_counts import to_plain as stretches_to_plain
from core.words import message as messages
from core.words.errors import UserError

Status = Literal[
    "queued",
    "running",
    "paused",
    "finished",
    "stopped",
    "interrupted",
    "diverged",
    "failed",
    "imported",
]
ACTIVE: Final[frozenset[Status]] = frozenset({"running", "paused"})
ENDED: Final[frozenset[Status]] = frozenset(
    {"finished", "stopped", "interrupted", "diverged", "failed", "imported"}
)
# Ended before its last epoch, though nothing was wrong with the network.
RESUMABLE: Final[frozenset[Status]] = frozenset({"stopped", "interrupted", "failed"})

VERSION: Final = 6
MAX_NAME: Final = 80
MAX_NOTE: Final = 2_000
MAX_TAG: Final = 24
MAX_TAGS: Final = 8


@cache
def present_versions() -> Mapping[str, str]:
    """Return the versions that a run’s figures depend on."""
    return {"python": platform.python_version(), "torch": str(torch.__version__)}


class RecordError(UserError):
    """A record cannot be read, or a person's words are too long for it."""


class NewerRecord(RecordError):
    """A later version of NetSketch wrote this record; only that one may change it."""


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """A run as it is kept.

    Attributes:
        id: made by the server, safe as the name of a folder and in an address.
        number: counts the runs of one store, from 1.
        name: for people, 1 to MAX_NAME characters of one line: a sentence where NetSketch has made
            it, else what a person has typed.
        message: why it ended as it did, for a person, beyond what the status says; empty where
            nothing went wrong.
        owner: whose it is: what a browser session calls itself; empty for nobody's.
        created_at: seconds since 1970, as are `ended_at` and `deleted_at`.
        elapsed_s: seconds of work, without pauses.
        device: what it computed on; None before the run began.
        precision: what its steps multiply, `float32` or `bfloat16`; empty before it began.
        versions: of Python and PyTorch.
        step: training steps done, of `num_steps`.
        epoch: epochs finished.
        val_accuracy: share of validation images right after the newest epoch, or None.
        best_epoch: the epoch with the highest such share, from 1, or None.
        test_correct: test images right, of `test_total`, or None before the test.
        test_loss: mean loss of the test images, or None.
        params: learnable parameters.
        tags: a person's own words, at most MAX_TAGS of at most MAX_TAG characters.
        note: a person's own words, at most MAX_NOTE characters.
        lr_changes: where a person has changed the learning rate during the run: after how many
            steps, and to what, in order.
        stretches: with how many threads its steps were computed on a CPU, from which step on;
            empty where that is not known.
        rival: the id of the run that trained beside this one in a duel; empty for none.
        deleted_at: when a person deleted it; None as long as it is not.
    """

    id: str
    number: int
    name: str
    spec: RunSpec
    status: Status = "queued"
    message: str = ""
    owner: str = ""
    created_at: float = 0.0
    ended_at: float | None = None
    elapsed_s: float = 0.0
    device: Device | None = None
    precision: str = ""
    versions: Mapping[str, str] = field(default_factory=lambda: present_versions())
    step: int = 0
    num_steps: int = 0
    epoch: int = 0
    val_accuracy: float | None = None
    best_epoch: int | None = None
    test_correct: int | None = None
    test_total: int | None = None
    test_loss: float | None = None
    params: int = 0
    tags: tuple[str, ...] = ()
    note: str = ""
    starred: bool = False
    lr_changes: tuple[tuple[int, float], ...] = ()
    stretches: tuple[Stretch, ...] = ()
    rival: str = ""
    deleted_at: float | None = None

    def __post_init__(self) -> None:
        """Check what people write, and note that it is to be told as it stands.

        Raises:
            RecordError: a name, note or tag is too long, or the name is empty.
        """
        if not isinstance(self.name, messages.Message):
            object.__setattr__(self, "name", messages.Quoted(self.name))
        if not 1 <= len(self.name.strip()) <= MAX_NAME:
            raise RecordError(
                messages.message("A run’s name has 1 to {most} characters.", most=MAX_NAME)
            )
        if not self.name.isprintable():
            raise RecordError(messages.N_("A run’s name is one line of printable characters."))
        if len(self.note) > MAX_NOTE:
            raise RecordError(
                messages.message(
                    "A note has at most {most:,} characters; this one has {count:,}.",
                    most=MAX_NOTE,
                    count=len(self.note),
                )
            )
        if len(self.tags) > MAX_TAGS or any(not 1 <= len(tag) <= MAX_TAG for tag in self.tags):
            raise RecordError(
                messages.message(
                    "At most {tags} tags of 1 to {letters} characters each.",
                    tags=MAX_TAGS,
                    letters=MAX_TAG,
                )
            )

    @property
    def test_accuracy(self) -> float | None:
        """Share of the test images that were right, 0 to 1."""
        if self.test_correct is None or not self.test_total:
            return None
        return self.test_correct / self.test_total

    @property
    def resumable(self) -> bool:
        """Whether there are steps left that could still be done."""
        left = self.step < self.num_steps or self.test_correct is None
        return self.status in RESUMABLE and left


_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "id": (str,),
    "number": (int,),
    "name": (str, dict),
    "status": (str,),
    "message": (str, dict),
    "owner": (str,),
    "created_at": (int, float),
    "ended_at": (int, float, type(None)),
    "elapsed_s": (int, float),
    "precision": (str,),
    "step": (int,),
    "num_steps": (int,),
    "epoch": (int,),
    "val_accuracy": (int, float, type(None)),
    "best_epoch": (int, type(None)),
    "test_correct": (int, type(None)),
    "test_total": (int, type(None)),
    "test_loss": (int, float, type(None)),
    "params": (int,),
    "note": (str,),
    "starred": (bool,),
    "rival": (str,),
    "deleted_at": (int, float, type(None)),
}


def name_to_plain(name: str) -> object:
    """Write a run's name as what JSON can say: what a person has typed is a text."""
    return messages.to_plain(name) if isinstance(name, messages.Message) else str(name)


def name_from_plain(plain: object) -> str:
    """Read what `name_to_plain` wrote.

    Raises:
        ValueError: it is something else.
    """
    return messages.Quoted(plain) if isinstance(plain, str) else messages.from_plain(plain)


def to_plain(record: RunRecord) -> dict[str, object]:
    """Write a record as what JSON can say."""
    plain = {f.name: getattr(record, f.name) for f in fields(record)}
    return plain | {
        "version": VERSION,
        "name": name_to_plain(record.name),
        "spec": to_dict(record.spec),
        "message": messages.to_plain(record.message),
        "device": devices.to_plain(record.device),
        "lr_changes": [list(change) for change in record.lr_changes],
        "stretches": stretches_to_plain(record.stretches),
        "tags": list(record.tags),
        "versions": dict(record.versions),
    }


def from_plain(data: object) -> RunRecord:
    """Read what `to_plain` wrote, of this version or an earlier one.

    Raises:
        NewerRecord: it is of a later version.
        UserError: something is missing, unknown, of the wrong type or out of range.
    """
    if not isinstance(data, dict):
        raise RecordError("A run’s record must be a JSON object.")
    values = _migrated(data)
    for name, kinds in _TYPES.items():
        value = values.get(name)
        sound = isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
        if not sound or (isinstance(value, float) and not math.isfinite(value)):
            raise RecordError(f"A run’s record has no valid “{name}”.")
    if values["status"] not in get_args(Status):
        raise RecordError("A run’s record has no valid “status”.")
    if values["precision"] not in ("", *get_args(Precision)):
        raise RecordError("A run’s record has no valid “precision”.")
    tags, kept_versions = values.get("tags"), values.get("versions")
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise RecordError("A run’s record has no valid “tags”.")
    if not isinstance(kept_versions, dict):
        raise RecordError("A run’s record has no valid “versions”.")
    known = {f.name for f in fields(RunRecord)}
    if missing := known - values.keys():
        raise RecordError(f"A run’s record has no “{min(missing)}”.")
    if unknown := values.keys() - known:
        raise RecordError(f"A run’s record has unknown entries: {', '.join(sorted(unknown))[:80]}.")
    try:
        values["name"] = name_from_plain(values["name"])
    except ValueError as error:
        raise RecordError("A run’s record has no valid “name”.") from error
    try:
        values["message"] = messages.from_plain(values["message"])
    except ValueError as error:
        raise RecordError("A run’s record has no valid “message”.") from error
    try:
        values["device"] = devices.from_plain(values["device"])
    except ValueError as error:
        raise RecordError("A run’s record has no valid “device”.") from error
    values["lr_changes"] = _lr_changes(values["lr_changes"])
    try:
        values["stretches"] = of_plain(values["stretches"])
    except (TypeError, ValueError) as error:
        raise RecordError("A run’s record has no valid “stretches”.") from error
    values["spec"] = from_dict(values.get("spec"))
    values["tags"] = tuple(tags)
    values["versions"] = {str(key): str(value) for key, value in kept_versions.items()}
    return RunRecord(**values)


def _migrated(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record as this version writes it, without its version."""
    values = dict(data)
    version = values.pop("version", None)
    if type(version) is int and version > VERSION:
        raise NewerRecord(f"A run’s record is of version {version}, later than {VERSION}.")
    if type(version) is not int or version < 1:
        raise RecordError(f"A run’s record is of another version than 1 to {VERSION}.")
    if version < 2:
        values.setdefault("lr_changes", [])
    if version < 3:
        values.setdefault("precision", "float32" if values.get("device") else "")
    if version < 4:
        values.setdefault("stretches", [])
    if version < 5:
        values["device"] = _device_before_5(values)
        values["message"] = message_of_words(values.get("message"), values.get("status"))
    return values


def _device_before_5(values: Mapping[str, Any]) -> dict[str, object] | None:
    words = values.get("device")
    if not isinstance(words, str):
        raise RecordError("A run’s record has no valid “device”.")
    spec = values.get("spec")
    wanted = spec.get("device", "auto") if isinstance(spec, dict) else "auto"
    return devices.to_plain(device_of_words(words, str(wanted)))


def _lr_changes(plain: object) -> tuple[tuple[int, float], ...]:
    wrong = RecordError("A run’s record has no valid “lr_changes”.")
    if not isinstance(plain, list):
        raise wrong
    found: list[tuple[int, float]] = []
    for pair in plain:
        if not isinstance(pair, list) or len(pair) != 2:
            raise wrong
        step, lr = pair
        if type(step) is not int or type(lr) not in (int, float) or not 0 < lr < math.inf:
            raise wrong
        if step < (found[-1][0] if found else 0):
            raise wrong
        found.append((step, float(lr)))
    return tuple(found)
