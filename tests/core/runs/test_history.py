import threading

import numpy as np
import pytest

from core.runs.history import History
from core.training.events import Epoch, Steps


def steps(losses: list[float], before: int = 0) -> Steps:
    return Steps(
        losses=tuple(losses),
        accuracies=tuple(loss / 1000 for loss in losses),
        step=before + len(losses),
        lr=0.1,
        images=0,
        train_s=0.0,
    )


def test_nothing_has_happened_yet():
    curves = History(10).curves()
    assert len(curves.step) == len(curves.loss) == len(curves.accuracy) == 0
    assert curves.epochs == ()
    assert curves.steps_per_epoch == 10


def test_few_steps_are_kept_as_they_are():
    history = History(2)
    history.add(steps([3.0, 1.0]))
    history.add(steps([2.0], before=2))
    curves = history.curves()
    assert curves.step.tolist() == [1, 2, 3]
    assert curves.loss.tolist() == [3.0, 1.0, 2.0]
    assert curves.accuracy.tolist() == pytest.approx([0.003, 0.001, 0.002])


@pytest.mark.parametrize(
    ("count", "most", "width"),
    [
        (4, 4, 1),
        (5, 4, 2),
        (8, 4, 2),
        (9, 4, 4),
        (16, 4, 4),
        (17, 4, 8),
        (1000, 100, 16),
        (3, 1, 4),
    ],
)
def test_neighbours_are_averaged_in_powers_of_two(count, most, width):
    losses = [float((7 * i) % 11) for i in range(count)]
    history = History(count)
    history.add(steps(losses))
    curves = history.curves(most)
    groups = [losses[i : i + width] for i in range(0, count, width)]
    assert len(curves.step) == len(groups) <= most
    assert curves.loss.tolist() == pytest.approx([sum(g) / len(g) for g in groups])
    assert curves.accuracy.tolist() == pytest.approx([sum(g) / len(g) / 1000 for g in groups])
    ends = [min((i + 1) * width, count) for i in range(len(groups))]
    assert curves.step.tolist() == ends


def test_a_point_once_full_keeps_its_place_while_the_run_goes_on():
    history = History(1000)
    history.add(steps([float(i % 13) for i in range(70)]))
    before = history.curves(50)
    history.add(steps([5.0] * 29, before=70))
    after = history.curves(50)
    assert after.step[:35].tolist() == before.step.tolist()
    assert after.loss[:35].tolist() == before.loss.tolist()


def test_a_mean_over_very_many_steps_is_right():
    history = History(1)
    history.add(steps([0.1] * 300_000))
    assert history.curves(1).loss.tolist() == pytest.approx([0.1], rel=1e-5)


def test_what_a_reader_holds_never_changes():
    history = History(1)
    history.add(steps([1.0]))
    history.add(epoch(1))
    held = history.curves()
    history.add(steps([2.0], before=1))
    history.add(epoch(2))
    assert held.loss.tolist() == [1.0]
    assert [e.epoch for e in held.epochs] == [1]
    with pytest.raises(ValueError, match="read-only"):
        held.loss[0] = 9.0


def epoch(number: int) -> Epoch:
    return Epoch(
        epoch=number, step=number, train_loss=1, train_accuracy=1, val_loss=1, val_accuracy=1
    )


def test_readers_never_see_half_of_an_event():
    history, done, seen = History(1), threading.Event(), []

    def read() -> None:
        while not done.is_set():
            curves = history.curves(10_000)
            seen.append((len(curves.loss), len(curves.accuracy), len(curves.step)))

    reader = threading.Thread(target=read)
    reader.start()
    for i in range(300):
        history.add(steps([1.0, 2.0, 3.0], before=3 * i))
    done.set()
    reader.join()
    assert seen
    assert all(a == b == c and a % 3 == 0 for a, b, c in seen)
    assert np.array_equal(history.curves(10_000).loss, np.tile([1.0, 2.0, 3.0], 300))


def test_a_history_goes_on_elsewhere_as_if_it_were_the_same():
    first = History(2)
    first.add(steps([3.0, 1.0]))
    epoch = Epoch(
        epoch=1, step=2, train_loss=2.0, train_accuracy=0.5, val_loss=1.0, val_accuracy=0.6
    )
    first.add(epoch)
    second = History.restored(2, first.since(0), first.epochs)
    for history in (first, second):
        history.add(steps([2.0], before=2))
        assert history.num_steps == 3
        assert history.since(0).tobytes() == first.since(0).tobytes()
        assert history.since(2)[:, 0].tolist() == [2.0]
        assert len(history.since(3)) == 0
        assert history.curves().epochs == (epoch,)
        assert history.curves().loss.tolist() == [3.0, 1.0, 2.0]
