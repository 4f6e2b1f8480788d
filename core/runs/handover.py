"""How runs are handed over to an executor: as jobs, with a channel back to the runs."""

from collections.abc import Iterator, Sequence

from core.questions.fair_share import Guest
from core.runs.channel import ThreadChannel
from core.runs.executor import ThisThread
from core.runs.messages import Job
from core.runs.view import Run


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


def steps_of(run: Run, guest: Guest | None = None) -> Iterator[None]:
    """Train a run in the calling thread, yielding after every few steps."""
    return ThisThread(run.store, guest).steps(*handed_over([run]))


def execute(run: Run, guest: Guest | None = None) -> None:
    """Train a run to its end in the calling thread."""
    for _ in steps_of(run, guest):
        pass
