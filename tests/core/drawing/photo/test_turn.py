"""Pictures are looked at one at a time, whatever becomes of them."""

import threading
import time

import pytest

from core.drawing.photo.turn import in_turn


def test_nobody_looks_at_a_picture_while_somebody_else_does():
    now, most = [0], [0]

    def look(large: bool) -> None:
        with in_turn(large=large):
            now[0] += 1
            most[0] = max(most[0], now[0])
            time.sleep(0.02)
            now[0] -= 1

    threads = [threading.Thread(target=look, args=(i % 2 == 0,)) for i in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(10)
    assert most == [1]


def test_a_picture_that_cannot_be_read_leaves_the_turn_to_others():
    with pytest.raises(ValueError, match="damaged"), in_turn(large=True):
        raise ValueError("damaged")
    with in_turn(large=False):
        pass
