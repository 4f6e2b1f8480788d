"""NetSketch in a terminal: train a configuration, list runs, evaluate one, take one home.

    python -m core.cli train configuration.json
    python -m core.cli list
    python -m core.cli evaluate 3
    python -m core.cli export 3 --to run.zip

The terminal and the dashboard share a data folder, so that each shows the other's runs. The exit
status is 0 when all went well, 1 when something is wrong (one sentence on stderr says what), 2 for
wrong arguments, and 130 after Ctrl-C.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Final

from torch import Tensor

from core.bring_in import configuration
from core.data.loading import data_folder, load
from core.machine.device import keep_freed_memory, resolve, take_all_cores
from core.machine.thread_team import adapting_threads
from core.runs.handover import steps_of
from core.runs.new_record import new_record
from core.runs.record import MAX_NAME, RunRecord, Status
from core.runs.store import RunRow, Store
from core.runs.view import Run
from core.serving.environment import require_environment
from core.spec import RunSpec
from core.spec.codec import MAX_JSON_BYTES
from core.take_home import contents_of, everything, folder_name
from core.take_home.contents import one_line, result_of
from core.training.check import require_runnable
from core.training.events import Tested
from core.training.trainer import Trainer
from core.words.errors import UserError

INTERRUPTED: Final = 130
# Seconds between two drawings of the line that tells how far a run is: easy to read, and cheap.
_LINE_S: Final = 0.2
_WELL: Final[frozenset[Status]] = frozenset({"finished", "stopped"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; return the exit status."""
    chosen = _parser().parse_args(arguments)
    try:
        require_environment()  # else its runs would lie where nobody looks for them
        status: int = chosen.do(chosen)
        sys.stdout.flush()
    except UserError as error:
        _complain(str(error))
        return 1
    except KeyboardInterrupt:
        _complain("Stopped.")
        return INTERRUPTED
    except BrokenPipeError:
        # The program that reads this output, such as `head`, has ended and hears no more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m core.cli",
        description="NetSketch in a terminal. Runs are shared with the dashboard: both keep them "
        "in the user's data folder, or where the environment's NETSKETCH_DATA says.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    train = commands.add_parser(
        "train",
        help="train a configuration, or go on with a run",
        description="Train a configuration, showing how far it is. Ctrl-C saves what was learned; "
        "--resume goes on from there, to the same weights as if it had never stopped.",
    )
    what = train.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "config", nargs="?", metavar="CONFIG.json", help="as taken home from a run; - is stdin"
    )
    what.add_argument("--resume", metavar="RUN", help="go on with a run that ended early")
    train.add_argument("--name", help="what to call the run")
    train.set_defaults(do=_train)

    listing = commands.add_parser("list", help="list the runs, newest first")
    listing.add_argument("--limit", type=_count, metavar="N", help="only the newest N")
    listing.set_defaults(do=_list)

    evaluate = commands.add_parser(
        "evaluate", help="measure a run's weights on its test images once more"
    )
    evaluate.add_argument("run", metavar="RUN", help="its number, or its id")
    evaluate.add_argument(
        "--best", action="store_true", help="the weights of its best epoch, not of its last"
    )
    evaluate.set_defaults(do=_evaluate)

    export = commands.add_parser(
        "export",
        help="take a run home as one zip",
        description="Write a zip of a run: script, notebook, weights, ONNX, configuration, "
        "curves and a report.",
    )
    export.add_argument("run", metavar="RUN", help="its number, or its id")
    export.add_argument("--to", metavar="FILE.zip", help="where to; by default named after it")
    export.add_argument("--force", action="store_true", help="replace a file that is there")
    export.set_defaults(do=_export)
    return parser


def _opened() -> Store:
    """Open the store, and say what is amiss in it, such as a run that cannot be read."""
    store = Store(data_folder())
    for notice in store.notices:
        _complain(notice)
    return store


def _train(chosen: argparse.Namespace) -> int:
    store = _opened()
    run = _resumed(store, chosen.resume) if chosen.resume else _begun(store, chosen)
    keep_freed_memory()
    take_all_cores()
    print(f"{run.name} ({run.id})", flush=True)
    with _ctrl_c_saves(run), adapting_threads():
        _watch(run)
    return _ended(run)


def _begun(store: Store, chosen: argparse.Namespace) -> Run:
    spec = configuration(_read(chosen.config))
    require_runnable(spec)
    load(spec.data)  # says what is missing, before there is a run
    name = one_line(chosen.name or "")[:MAX_NAME] or None
    record = new_record(store.new_number(), spec, name=name)
    store.add(record)
    return Run(record, store)


def _resumed(store: Store, named: str) -> Run:
    run = Run(_record(store, named), store)
    if not run.requeue():
        raise UserError(f"{run.name} cannot go on: it has come to its end.")
    return run


def _read(path: str) -> bytes:
    try:
        if path == "-":
            return sys.stdin.buffer.read(MAX_JSON_BYTES + 1)
        with Path(path).open("rb") as file:
            return file.read(MAX_JSON_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error


@contextmanager
def _ctrl_c_saves(run: Run) -> Iterator[None]:
    """Let the first Ctrl-C, or SIGTERM, end a run with all that it has learned saved."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def save(number: int, frame: FrameType | None) -> None:
        run.interrupt()
        restore()  # a second Ctrl-C ends the process at once

    for number in before:
        signal.signal(number, save)
    try:
        yield
    finally:
        restore()


def _watch(run: Run) -> None:
    """Train, saying how far it is: in one line that changes, or a line an epoch for a file."""
    alive, said, shown_at = sys.stdout.isatty(), 0, 0.0
    for _ in steps_of(run):
        if alive and time.monotonic() - shown_at > _LINE_S:
            shown_at = time.monotonic()
            print(f"\r{_progress(run):<100}", end="", flush=True)
        epochs = run.record().epoch
        if not alive and epochs > said:
            said = epochs
            print(_progress(run), flush=True)
    if alive:
        print(f"\r{'':<100}\r", end="", flush=True)


def _progress(run: Run) -> str:
    now = run.snapshot()
    words = [
        f"epoch {now.epoch} of {now.num_epochs}",
        f"step {now.step:,} of {now.num_steps:,}",
    ]
    if now.train_loss is not None:
        words.append(f"loss {now.train_loss:.4f}")
    if now.val_accuracy is not None:
        words.append(f"validation {now.val_accuracy:.2%}")
    if now.remaining_s is not None:
        words.append(f"{now.remaining_s:,.0f} s left")
    return ", ".join(words)


def _ended(run: Run) -> int:
    record = run.record()
    if record.status == "interrupted" and not record.message:
        _complain(
            f"Stopped after step {record.step:,} of {record.num_steps:,}; all of it is saved. "
            f"Go on with: python -m core.cli train --resume {record.id}"
        )
        return INTERRUPTED
    if record.status not in _WELL:
        _complain(record.message)
        return 1
    if record.message:
        print(record.message)
    print(f"{result_of(record)} It took {record.elapsed_s:,.1f} s.")
    return 0


def _list(chosen: argparse.Namespace) -> int:
    rows = _opened().rows()[: chosen.limit]
    if not rows:
        print("There are no runs yet.")
        return 0
    header = ("No.", "Id", "State", "Test", "Epochs", "Parameters", "Data", "Name")
    table = [header, *map(_cells, rows)]
    widths = [max(len(line[i]) for line in table) for i in range(len(header))]
    for line in table:
        print(
            "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        )
    return 0


def _cells(row: RunRow) -> tuple[str, ...]:
    test = "" if row.test_accuracy is None else f"{row.test_accuracy:.2%}"
    return (
        str(row.number),
        row.id,
        row.status,
        test,
        str(row.epoch),
        f"{row.params:,}",
        row.data,
        ("* " if row.starred else "") + one_line(row.name),
    )


def _evaluate(chosen: argparse.Namespace) -> int:
    store = _opened()
    record = _record(store, chosen.run)
    which = "best" if chosen.best else "last"
    weights = store.folder(record.id).load_weights("best" if chosen.best else "last")
    if weights is None:
        raise UserError(f"{record.name} has no weights of its {which} epoch.")
    take_all_cores()
    found = _tested(record.spec, weights)
    share = found.correct / found.total
    where = resolve(record.spec.device).name
    print(f"{found.correct:,} of {found.total:,} test images right ({share:.2%}), on {where}.")
    if not chosen.best and record.test_correct is not None:
        same = found.correct == record.test_correct
        print("That is what the run had." if same else f"The run had {record.test_correct:,}.")
    return 0


def _tested(spec: RunSpec, weights: dict[str, Tensor]) -> Tested:
    trainer = Trainer(spec, load(spec.data))
    trainer.model.load_state_dict(weights)
    return next(event for event in trainer.test() if isinstance(event, Tested))


def _export(chosen: argparse.Namespace) -> int:
    store = _opened()
    record = _record(store, chosen.run)
    target = Path(chosen.to or f"{folder_name(record)}.zip")
    if target.exists() and not chosen.force:
        raise UserError(f"{target} is there already. Name another file, or add --force.")
    take_all_cores()
    packed = everything(contents_of(Run(record, store)), _tell)
    try:
        _write(target, packed)
    except OSError as error:
        raise UserError(f"{target} cannot be written: {error.strerror}.") from error
    print(f"{target}: {len(packed) / 2**20:.1f} MB")
    return 0


def _write(target: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    handle, name = tempfile.mkstemp(dir=target.absolute().parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(name, 0o644)
        os.replace(name, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _record(store: Store, named: str) -> RunRecord:
    """Return the run of a number or an id.

    Raises:
        UserError: there is none.
    """
    rows = store.rows()
    found = [row.id for row in rows if named in (row.id, str(row.number))]
    record = store.get(found[0]) if found else None
    if record is None:
        hint = f" The newest is {rows[0].number}." if rows else " There are no runs yet."
        raise UserError(f"There is no run {one_line(named)[:40]}.{hint}")
    return record


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _tell(words: str) -> None:
    print(f"{words} …", file=sys.stderr, flush=True)


def _complain(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
