"""How a person changes the learning rate of a run that trains."""

from typing import Final

import streamlit as st

from core.runs.manager import runs
from core.runs.snapshot import RunSnapshot
from core.runs.view import Run
from core.spec import setting_at
from core.spec.settings import Number
from core.words.number import written
from pages.shared.language import _
from pages.shared.launch import attempt
from pages.shared.person import person
from pages.shared.typed_number import complaint, take

# What the buttons multiply the rate by, and what stands on them.
_FACTORS: Final = ((0.1, "÷ 10"), (0.5, "÷ 2"), (2.0, "× 2"), (10.0, "× 10"))
_WANTED: Final = "rate_wanted"


def rate_control(run: Run, now: RunSnapshot) -> None:
    """Offer another learning rate for the rest of a run, where one can be had."""
    if not now.active or now.spec.folds or run.rival is not None:
        return
    mine = runs().may_change(run.id, person())
    words = _("Change the learning rate of the rest of this run")
    other = _("It was started in another browser, and on this server each changes their own runs.")
    with st.popover(
        _("Rate"),
        icon=":material/speed:",
        key="rate",
        help=words if mine else other,
        disabled=not mine,
    ):
        if now.spec.schedule == "constant":
            st.markdown(_("Learning rate now: **{lr:.3g}**").format(lr=now.base_lr))
        else:
            st.markdown(
                _(
                    "Learning rate now: **{lr:.3g}**. The schedule’s highest is **{highest:.3g}**; "
                    "a change scales what is left of it."
                ).format(lr=now.lr, highest=now.base_lr)
            )
        coming = _coming(now)
        if now.lr_wanted is not None:
            st.caption(_("From the next step on: {lr:.3g}").format(lr=coming))
        with st.container(horizontal=True, gap="small"):
            for i, (factor, label) in enumerate(_FACTORS):
                st.button(label, key=f"rate_{i}", on_click=_change, args=(run, factor))
        record = setting_at("lr")
        assert isinstance(record, Number)
        # A form, so that Enter sets it too.
        with (
            st.form("rate_form", border=False),
            st.container(horizontal=True, gap="small", vertical_alignment="bottom"),
        ):
            st.text_input(
                _("Another rate"),
                value=written(coming),
                # After a change, it begins from the rate that there is then.
                key=f"{_WANTED}_{coming}",
                width=160,
            )
            st.form_submit_button(
                _("Set"), key="rate_set", on_click=_set, args=(run, record, coming)
            )
        complaint(_WANTED, coming)


def rate_changes(now: RunSnapshot) -> None:
    """Say where the learning rate of a run was changed by hand."""
    if not now.lr_changes:
        return
    made = [
        _("to {lr:.3g} after step {step:,}").format(lr=lr, step=step) for step, lr in now.lr_changes
    ]
    words = _("The learning rate was changed by hand: {changes}.").format(changes=", ".join(made))
    st.caption(f":material/speed: {words}")


def _coming(now: RunSnapshot) -> float:
    """Return the rate as of the next step; during a pause, that is not yet the run's."""
    return now.base_lr if now.lr_wanted is None else now.lr_wanted


def _change(run: Run, factor: float) -> None:
    """Multiply the rate. For use as a callback."""
    # Not 0.010000000000000002.
    _try(run, float(f"{_coming(run.snapshot()) * factor:.12g}"))


def _set(run: Run, record: Number, before: float) -> None:
    """Take the rate that was typed. For use as a callback."""
    lr = take(record, _WANTED, st.session_state[f"{_WANTED}_{before}"], before)
    if lr is not None:
        _try(run, lr)


def _try(run: Run, lr: float) -> None:
    attempt(lambda: runs().set_lr(run.id, lr, person()))
