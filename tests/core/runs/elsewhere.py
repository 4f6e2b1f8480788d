"""An executor in another process: all that passes between it and this one is bytes of a pipe."""

import multiprocessing
import pickle
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from core.machine.device import take_one_core
from core.runs.channel import Addressed, WorkersEnd
from core.runs.executor import ThisThread
from core.runs.messages import Job, Report
from core.runs.store import Store

OVER = b"over"


class _PipesEnd:
    """The workers' end, in the process that trains."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def tell(self, run_id: str, report: Report) -> None:
        self._pipe.send_bytes(pickle.dumps((run_id, report)))

    def wishes(self, wait_s: float = 0.0) -> list[Addressed]:
        found: list[Addressed] = []
        while self._pipe.poll(0.0 if found else wait_s):
            found.append(pickle.loads(self._pipe.recv_bytes()))
        return found


def _work(root: Path, jobs: bytes, pipe: Connection) -> None:
    take_one_core()
    ThisThread(Store(root)).execute(pickle.loads(jobs), _PipesEnd(pipe))
    pipe.send_bytes(OVER)


class Elsewhere:
    """Has jobs done in a process of their own.

    Args:
        root: of the store.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.process: multiprocessing.process.BaseProcess | None = None

    def execute(self, jobs: Sequence[Job], end: WorkersEnd) -> None:
        """See `Executor`; it returns, too, when the process has died."""
        ways = multiprocessing.get_all_start_methods()
        context = multiprocessing.get_context("forkserver" if "forkserver" in ways else "spawn")
        # A copy of a process that has PyTorch already is there at once.
        context.set_forkserver_preload(["tests.core.runs.elsewhere"])
        here, there = context.Pipe()
        self.process = context.Process(target=_work, args=(self._root, pickle.dumps(jobs), there))
        self.process.start()
        there.close()
        try:
            while True:
                for wish in end.wishes():
                    here.send_bytes(pickle.dumps(wish))
                if not here.poll(0.01):
                    continue
                if (said := here.recv_bytes()) == OVER:
                    break
                end.tell(*pickle.loads(said))
        except (EOFError, OSError):
            pass
        self.process.join()
