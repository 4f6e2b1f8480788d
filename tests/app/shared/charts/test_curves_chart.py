import inspect
import json
from dataclasses import replace

import altair
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.runs.history import Curves, History
from core.training.events import Epoch, Steps
from pages.shared.charts.curves_chart import TRAINING, VALIDATION, curve_chart, curve_rows, ghostly
from pages.shared.palette import DARK, LIGHT

AXES = ["step", "epoch"]
MEASURES = ["loss", "accuracy"]
each_axis = pytest.mark.parametrize("axis", AXES)
each_measure = pytest.mark.parametrize("measure", MEASURES)


def curves_of(num_steps: int, steps_per_epoch: int = 10) -> Curves:
    """A run of so many steps, with figures that tell their own step and epoch."""
    history = History(steps_per_epoch)
    for step in range(1, num_steps + 1):
        history.add(
            Steps(
                losses=(2 + step,),
                accuracies=(step / 1000,),
                step=step,
                lr=0.1,
                images=step,
                train_s=1.0,
            )
        )
        if step % steps_per_epoch == 0:
            epoch = step // steps_per_epoch
            history.add(
                Epoch(
                    epoch=epoch,
                    step=step,
                    train_loss=100 + epoch,
                    train_accuracy=0.1 + epoch / 100,
                    val_loss=200 + epoch,
                    val_accuracy=0.2 + epoch / 100,
                )
            )
    return history.curves()


def series(rows, name):
    table = rows.to_pandas()
    part = table[table.series == name]
    return part.x.tolist(), part.y.tolist()


def test_by_step_every_batch_is_a_point_and_validation_stands_at_its_step():
    rows = curve_rows(curves_of(25), "loss", "step")
    x, y = series(rows, TRAINING)
    assert x == list(range(1, 26))
    assert y == [2 + step for step in range(1, 26)]
    assert series(rows, VALIDATION) == ([10, 20], [201, 202])


def test_by_epoch_both_series_have_a_point_an_epoch():
    rows = curve_rows(curves_of(25), "loss", "epoch")
    assert series(rows, TRAINING) == ([1, 2], [101, 102])
    assert series(rows, VALIDATION) == ([1, 2], [201, 202])


def test_accuracies_are_shares():
    by_step = curve_rows(curves_of(25), "accuracy", "step")
    assert series(by_step, TRAINING)[1] == pytest.approx([step / 1000 for step in range(1, 26)])
    by_epoch = curve_rows(curves_of(25), "accuracy", "epoch")
    assert series(by_epoch, TRAINING)[1] == pytest.approx([0.11, 0.12])
    assert series(by_epoch, VALIDATION)[1] == pytest.approx([0.21, 0.22])


@each_axis
@each_measure
def test_an_empty_run_gives_a_table_of_the_same_columns(measure, axis):
    empty, full = curve_rows(curves_of(0), measure, axis), curve_rows(curves_of(30), measure, axis)
    assert len(empty) == 0
    assert empty.schema == full.schema


@given(st.integers(0, 900), st.integers(1, 80), st.sampled_from(MEASURES), st.sampled_from(AXES))
def test_no_row_is_without_a_number_and_x_grows(num_steps, steps_per_epoch, measure, axis):
    curves = curves_of(num_steps, steps_per_epoch)
    rows = curve_rows(curves, measure, axis)
    assert np.isfinite(rows.to_pandas()[["x", "y"]].to_numpy()).all()
    for name in (TRAINING, VALIDATION):
        x, _ = series(rows, name)
        assert x == sorted(set(x))
        assert all(1 <= value <= max(num_steps, 1) for value in x)
    assert len(series(rows, VALIDATION)[0]) == num_steps // steps_per_epoch
    if axis == "step":
        assert max(series(rows, TRAINING)[0], default=0) == num_steps


@each_axis
@each_measure
def test_the_description_is_valid_vega_lite(measure, axis):
    chart = curve_chart(504, measure, axis, LIGHT)
    with_data = {"data": {"values": []}, **chart}
    altair.Chart.from_dict(with_data)
    json.dumps(chart)


@each_axis
@each_measure
def test_the_description_knows_no_data_so_that_a_zoom_is_kept(measure, axis):
    assert list(inspect.signature(curve_chart).parameters) == [
        "last_x",
        "measure",
        "axis",
        "colours",
    ]
    chart = curve_chart(504, measure, axis, LIGHT)
    assert chart == curve_chart(504, measure, axis, LIGHT)
    assert chart["encoding"]["x"]["scale"]["domain"] == [0, 504]
    zooms = [layer for layer in chart["layer"] if "params" in layer]
    assert len(zooms) == 1
    assert zooms[0]["params"][0]["bind"] == "scales"


@each_axis
@each_measure
def test_it_draws_the_columns_that_the_rows_have(measure, axis):
    chart = curve_chart(504, measure, axis, LIGHT)
    columns = set(curve_rows(curves_of(20), measure, axis).column_names)
    columns |= {made["as"] for made in chart["transform"]}
    encoding = chart["encoding"]
    assert {encoding[name]["field"] for name in ("x", "y", "color")} <= columns
    assert {tip["field"] for tip in encoding["tooltip"]} <= columns
    drawn = {
        (layer["mark"]["type"], series)
        for layer in chart["layer"]
        for series in (TRAINING, VALIDATION)
        if any(series in step["filter"] for step in layer["transform"])
    }
    # Epochs are few and get a dot each; a dot for each of thousands of steps would hide the line.
    lines = {("line", TRAINING), ("line", VALIDATION), ("point", VALIDATION)}
    assert drawn == lines | ({("point", TRAINING)} if axis == "epoch" else set())


def test_a_faint_run_that_exploded_once_leaves_the_axis_to_the_other():
    curves = curves_of(100)
    exploded = replace(curves, loss=np.where(curves.step == 3, 1e16, curves.loss))
    rows = ghostly(exploded, "loss", "step")
    assert max(rows["y"].to_pylist()) < 1000
    assert len(rows) == len(ghostly(curves, "loss", "step")) - 1
    assert len(ghostly(exploded, "accuracy", "step")) == 110


def test_accuracy_is_drawn_from_none_to_all_and_loss_from_zero():
    assert curve_chart(9, "accuracy", "step", LIGHT)["encoding"]["y"]["scale"]["domain"] == [0, 1]
    assert curve_chart(9, "loss", "step", LIGHT)["encoding"]["y"]["scale"]["zero"] is True


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_each_series_has_its_colour_in_both_themes(colours):
    scale = curve_chart(9, "loss", "step", colours)["encoding"]["color"]["scale"]
    assert dict(zip(scale["domain"], scale["range"], strict=True)) == {
        TRAINING: colours.training,
        VALIDATION: colours.validation,
    }
