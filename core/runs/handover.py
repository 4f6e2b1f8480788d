"""How runs are handed over to an executor: as jobs, with a channel back to the runs."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from core.questions.fair_share import Guest
from core.runs.channel import ThreadChannel
from core.runs.executor import ThisThread
from core.runs.messages import Ended, Job
from core.runs.view import Run
from core.words.errors import UserError
from core.words.message import N_

_BROKEN_OFF: Final = N_("The training of this run broke off. What was saved until then is kept.")


def handed_over(
    runs: Sequence[Run], limit_s: float | None = None
) -> tuple[list[Job], ThreadChannel]:
    """Return the jobs of runs that wait, and the channel between their workers and them.

    Args:
        runs: of this process; a run that has been stopped meanwhile gets no job.
        limit_s: seconds of work after which each is stopped.
    """
    by_id = {run.id: run for run in runs}
    channel = ThreadChannel(lambda run_id, report: by_id[run_id].take(report))
    jobs = [job for run in runs if (job := run.hand_over(channel, limit_s)) is not None]
    return jobs, channel


def end_unreported(runs: Iterable[Run]) -> None:
    """End runs of which an executor that is over has sent no `Ended`, such as a process that died.

    They are interrupted as if this process had died: on the disk they are as far as their newest
    checkpoint, and can go on from there.
    """
    for run in runs:
        now = run.snapshot()
        if not now.active and not (now.status == "imported" and run.waits):
            continue
        if run.store is not None:
            with suppress(UserError):
                run.store.interrupt_orphan(run.id)
        run.take(
            Ended(
                status="interrupted" if now.active else "imported",
                message=_BROKEN_OFF,
                ended_at=time.time() if now.active else None,
                elapsed_s=now.elapsed_s,
            )
        )


def steps_of(run: Run, guest: Guest | None = None) -> Iterator[None]:
    """Train a run in the calling thread, yielding after every few steps."""
    return ThisThread(run.store, guest).steps(*handed_over([run]))


def execute(run: Run, guest: Guest | None = None) -> None:
    """Train a run to its end in the calling thread."""
    for _ in steps_of(run, guest):
        pass
