"""The widget of one field of the spec, made from the field's own record."""

from collections.abc import Callable, Mapping
from typing import Final, TypedDict, cast

import streamlit as st

from core.spec import setting_at
from core.spec.settings import Choice, Flag, Number, Value
from pages.shared import session
from pages.shared.language import say
from pages.shared.typed_number import typed_number
from pages.shared.words import width

_WIDE_GRID: Final[list[float]] = [
    1,
    2,
    4,
    6,
    8,
    12,
    16,
    24,
    32,
    48,
    64,
    96,
    128,
    192,
    256,
    384,
    512,
]
_RATES: Final = [
    1e-6, 1e-5, 3e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 3e-3, 5e-3, 0.01, 0.02, 0.03, 0.05,
    0.1, 0.2, 0.3, 0.5, 1.0, 3.0, 10.0, 100.0,
]  # fmt: skip
# Stops of sliders whose values are spread over magnitudes; the fields' records hold the limits.
_GRIDS: Final[dict[str, list[float]]] = {
    "channels": _WIDE_GRID,
    "rnn_units": [1, 2, 4, 8, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024],
    "units": [1, 2, 4, 8, 10, 16, 32, 64, 84, 120, 128, 256, 512, 1024, 2048, 4096],
    "lr": _RATES,
    "weight_decay": [0.0, 1e-5, 1e-4, 5e-4, 1e-3, 5e-3, 0.01, 0.05, 0.1, 1.0],
    "clip_norm": [0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 100.0],
    "batch_size": [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192],
}
_STEPS: Final = {
    "dropout": 0.05,
    "rnn_dropout": 0.05,
    "momentum": 0.01,
    "scale": 0.05,
    "elastic": 0.25,
    "label_smoothing": 0.05,
    "step_factor": 0.01,
    "warmup": 0.01,
    "target_accuracy": 0.001,
}
# Whole numbers up to this are chosen by a slider, larger ones typed.
_SHORT_RANGE: Final = 50


def field_grid(*paths: str, options: Mapping[str, Mapping[str, str]] | None = None) -> None:
    """Show fields two to a row; where there is no room for two, they keep their order.

    One container, which `style.css` lays out: of columns there would be three blocks for every two
    fields, and the browser goes through every block of a page whenever anything changes.

    Args:
        paths: of the fields.
        options: by path, the choices to offer and their names, where not all that the record knows
            exist here.
    """
    if not paths:
        return
    with st.container(key=f"fields_{paths[0]}"):
        for path in paths:
            field(path, options=(options or {}).get(path))


class _Taken(TypedDict):
    """What every widget of a field is given alike."""

    key: str
    on_change: Callable[[str], None]
    args: tuple[str]
    help: str


def field(path: str, *, options: Mapping[str, str] | None = None, wide: bool = False) -> None:
    """Show the widget for a field of the draft; its label, help and limits come from the record.

    Args:
        path: such as `lr` or `blocks.1.kernel_size`.
        options: the choices to offer and their names as they are to be read, where not all that
            the record knows exist here; the draft's own choice is offered in any case.
        wide: whether there is room for a whole row of choices.
    """
    record = setting_at(path)
    name = path.rpartition(".")[2]
    now = session.draft().value(path)
    if isinstance(record, Number) and _is_typed(record, name):
        typed_number(record, path, cast(int, now))
        return
    taken: _Taken = {
        "key": session.widget_key(path),
        "on_change": session.take_widget,
        "args": (path,),
        "help": say(record.help),
    }
    match record:
        case Flag():
            st.toggle(say(record.label), value=bool(now), **taken)
        case Choice():
            known = cast(Mapping[Value, str], record.options)
            offered = {option: say(words) for option, words in known.items()}
            if options:
                offered = cast(dict[Value, str], dict(options))
            if now not in offered:
                offered[now] = say(record.name(now))
            _choice(record, offered, now, taken, most=48 if wide else 24)
        case Number() if name in _GRIDS:
            st.select_slider(
                say(record.label),
                options=_grid(name, now),
                value=cast(float, now),
                format_func=_amount,
                **taken,
            )
        case Number():
            _number(record, cast(float, now), _STEPS.get(name, 1), taken)


def _is_typed(record: Number, name: str) -> bool:
    return record.whole and record.high > _SHORT_RANGE and name not in _GRIDS


def note(path: str) -> None:
    """Show what there is to say of the option that is chosen."""
    record = setting_at(path)
    assert isinstance(record, Choice)
    st.caption(say(record.notes[str(session.draft().value(path))]))


def _choice(
    record: Choice, names: Mapping[Value, str], now: Value, taken: _Taken, *, most: int
) -> None:
    label = say(record.label)
    options: list[Value] = [option for option in record.options if option in names]
    options += [option for option in names if option not in options]
    if sum(width(names[option]) + 4 for option in options) <= most:
        st.segmented_control(
            label,
            options,
            default=now,
            format_func=names.__getitem__,
            required=True,
            width="stretch",
            **taken,
        )
    else:
        index = options.index(now)
        st.selectbox(label, options, index, format_func=names.__getitem__, **taken)


def _number(record: Number, now: float, step: float, taken: _Taken) -> None:
    label = say(record.label)
    if record.whole:
        st.slider(label, int(record.low), int(record.high), int(now), 1, **taken)
    else:
        st.slider(label, record.low, record.high, float(now), step, **taken)


def _grid(name: str, value: Value) -> list[float]:
    """The stops of a slider, with the present value among them."""
    stops = set(_GRIDS[name])
    if isinstance(value, int | float):
        stops.add(value)
    return sorted(stops)


def _amount(value: float) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.10f}".rstrip("0").rstrip(".") if value >= 1e-6 else f"{value:g}"
