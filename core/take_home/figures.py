"""A run's figures as tables, and as a picture in the page's colours."""

import io
from typing import TYPE_CHECKING, Final, Literal

from core.runs.history import Curves
from core.take_home.contents import RunContents
from core.take_home.sheet import sheet
from core.words.palette import Palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Measure = Literal["loss", "accuracy"]
_INCHES: Final = (10.0, 3.6)
_DPI: Final = 160


def steps_csv(contents: RunContents) -> str:
    """Write one line a training step.

    Raises:
        TakeHomeError: the run has no curves.
    """
    curves = contents.need_curves()
    epochs = (curves.step - 1) // curves.steps_per_epoch + 1
    # As text, a number of 32 bits has no more digits than it takes to read it back the same.
    columns = (curves.step, epochs, curves.loss.astype(str), curves.accuracy.astype(str))
    return sheet(
        ("step", "epoch", "train_loss", "train_accuracy"),
        zip(*(column.tolist() for column in columns), strict=True),
    )


def epochs_csv(contents: RunContents) -> str:
    """Write one line an epoch; losses are means over images, accuracies shares from 0 to 1.

    Raises:
        TakeHomeError: the run has no curves.
    """
    header = ("epoch", "step", "train_loss", "train_accuracy", "val_loss", "val_accuracy")
    epochs = contents.need_curves().epochs
    return sheet(header, ([getattr(epoch, name) for name in header] for epoch in epochs))


def picture(contents: RunContents, colours: Palette, form: Literal["png", "svg"]) -> bytes:
    """Draw loss and accuracy over the steps.

    Args:
        contents: of a run with curves.
        colours: those of a light or a dark ground.
        form: `png` is on white, `svg` on whatever it is laid on. The same figures give the same
            bytes.

    Raises:
        TakeHomeError: the run has no curves.
    """
    # It takes most of a second to import, and only this needs it. Without pyplot nothing is global.
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    contents.need_curves()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "netsketch"}):
        figure = Figure(figsize=_INCHES, layout="constrained")
        FigureCanvasAgg(figure)
        loss, accuracy = figure.subplots(1, 2)
        _draw(loss, contents.curves, "loss", colours)
        _draw(accuracy, contents.curves, "accuracy", colours)
        handles, labels = loss.get_legend_handles_labels()
        figure.legend(
            handles,
            labels,
            loc="outside upper center",
            ncols=2,
            frameon=False,
            labelcolor=colours.ink,
        )
        file = io.BytesIO()
        undated = {"Date": None} if form == "svg" else {"Software": None}
        figure.savefig(file, format=form, dpi=_DPI, metadata=undated, transparent=form == "svg")
    return file.getvalue()


def _draw(axes: "Axes", curves: Curves, measure: Measure, colours: Palette) -> None:
    share = measure == "accuracy"
    axes.plot(
        curves.step,
        curves.accuracy if share else curves.loss,
        color=colours.training,
        linewidth=1.2,
        label="Training",
    )
    if curves.epochs:  # a line of no points that may leave the axes would have no end
        axes.plot(
            [epoch.step for epoch in curves.epochs],
            [epoch.val_accuracy if share else epoch.val_loss for epoch in curves.epochs],
            color=colours.validation,
            linewidth=2,
            marker="o",
            markersize=5,
            clip_on=False,
            label="Validation",
        )
    axes.set_title(measure.capitalize(), color=colours.ink, loc="left", fontsize=11)
    axes.set_xlabel("Step", color=colours.ink)
    axes.set_xlim(0, max(1, int(curves.step[-1])))
    axes.set_ylim(0, 1 if share else None)
    if share:
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axes.grid(axis="y", color=colours.quiet, alpha=0.3, linewidth=0.8)
    axes.tick_params(colors=colours.ink, labelsize=9)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(colours.quiet)
