"""Pictures are looked at in turn: one at a time in the whole process, and its memory given back.

Decoding a picture of 50 million pixels takes 250 MB for a moment, and looking for the digit in one
of noise two seconds of a core. Ten people at once took 966 MB, and held every other page up for
four seconds; in turn the last of them waits as long as before.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from core.machine.device import release_freed_memory

_turn: Final = threading.Lock()


@contextmanager
def in_turn(*, large: bool) -> Iterator[None]:
    """Wait until nobody else looks at a picture; then it is this one's turn.

    Args:
        large: whether it may take much memory, which is given back to the system afterwards.
    """
    with _turn:
        try:
            yield
        finally:
            if large:
                # Training keeps what it frees (see `core.machine.device`), and a picture's goes
                # with it.
                release_freed_memory()
