"""The charts of a cross-validation tell the folds apart."""

from dataclasses import replace

import pytest

from core.judging.fold_verdict import FoldResults
from core.runs.history import Curves, History
from core.spec import RunSpec
from core.training.events import Epoch, Steps
from core.training.length import length_of
from core.words.palette import LIGHT
from pages.parts.train.fold_charts import NEWEST, fold_chart, fold_lines, strip_chart

SPEC = RunSpec(folds=3, num_epochs=2, batch_size=500)


def curves_of(num_steps: int) -> Curves:
    """Each step's loss is the number of its fold."""
    course = length_of(SPEC)
    history = History(course.steps_per_epoch)
    for step in range(1, num_steps + 1):
        fold = (step - 1) // course.steps_per_fold + 1
        history.add(
            Steps(
                losses=(float(fold),),
                accuracies=(0.5,),
                step=step,
                lr=0.1,
                images=step,
                train_s=float(step),
            )
        )
        if step % course.steps_per_epoch == 0:
            history.add(
                Epoch(
                    epoch=step // course.steps_per_epoch,
                    step=step,
                    train_loss=float(fold),
                    train_accuracy=0.5,
                    val_loss=0.1,
                    val_accuracy=fold / 10,
                )
            )
    return history.curves(max_points=12)


@pytest.mark.parametrize("axis", ["step", "epoch"])
@pytest.mark.parametrize("measure", ["loss", "accuracy"])
def test_each_fold_has_a_line_of_its_own_from_its_first_step(measure, axis):
    course = length_of(SPEC)
    rows = fold_lines(curves_of(course.num_steps), SPEC, measure, axis).to_pandas()
    assert sorted(set(rows["fold"])) == [1, 2, 3]
    ends = course.steps_per_fold if axis == "step" else course.epochs
    for fold, part in rows.groupby("fold"):
        # No point mixes two folds.
        assert set(part["y"]) == {fold / 10 if measure == "accuracy" else float(fold)}
        assert list(part["x"]) == sorted(part["x"])
        assert part["x"].min() > 0
        assert part["x"].max() <= ends
    assert set(rows[rows["series"] == NEWEST]["fold"]) == {3}


def test_the_newest_fold_is_told_while_it_is_under_way():
    course = length_of(SPEC)
    rows = fold_lines(curves_of(course.steps_per_fold + 3), SPEC, "loss", "step").to_pandas()
    assert set(rows[rows["series"] == NEWEST]["fold"]) == {2}


def test_before_the_first_epoch_there_is_no_accuracy_and_no_fault():
    rows = fold_lines(curves_of(1), SPEC, "accuracy", "epoch")
    assert len(rows) == 0
    nothing = fold_lines(History(1).curves(), SPEC, "loss", "step")
    assert len(nothing) == 0
    assert fold_chart(SPEC, "loss", "step", LIGHT)["layer"]


@pytest.mark.parametrize("accuracies", [(0.9,), (0.9, 0.9), (0.97, 0.98, 0.99)])
def test_the_strip_shows_every_fold(accuracies):
    found = FoldResults(folds=3, accuracies=accuracies, train=100, held=50)
    layers = strip_chart(found, LIGHT)["layer"]
    low, high = layers[1]["encoding"]["x"]["scale"]["domain"]
    assert low < min(accuracies) <= max(accuracies) < high
    assert replace(found, folds=4).mean == pytest.approx(sum(accuracies) / len(accuracies))
