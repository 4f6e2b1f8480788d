"""What keeps the network from running, and the ways out that one click takes."""

import streamlit as st

from core.spec.presets import DEFAULT
from core.training.check import Problem
from pages.shared import session
from pages.shared.exercise import hide_mends, hides_mends
from pages.shared.language import _, say
from pages.shared.words import plain


def problem_card(problem: Problem) -> None:
    """Say what is wrong, and offer each mend unless they are hidden."""
    with st.container(border=True, key="problem"):
        st.markdown(f":red[:material/error:] **{plain(say(problem.message))}**")
        if hides_mends():
            return
        with st.container(horizontal=True):
            for i, fix in enumerate(problem.fixes):
                st.button(
                    say(fix.label),
                    key=f"fix_{i}",
                    icon=":material/build:",
                    on_click=session.adopt,
                    args=(fix.spec,),
                )


def exercise_note() -> None:
    """Say that mends are hidden, and let a person leave the exercise."""
    if not hides_mends():
        return
    with st.container(
        border=True, horizontal=True, vertical_alignment="center", key="exercise_note"
    ):
        st.markdown(
            ":material/visibility_off: "
            + _(
                "**An exercise.** Whoever sent this link has hidden the mends: find out yourself "
                "what to change."
            )
        )
        st.button(
            _("Leave the exercise"),
            key="leave_exercise",
            on_click=_leave,
            help=_("Begins with the default network, and shows mends again"),
        )


def _leave() -> None:
    hide_mends(False)
    session.adopt(DEFAULT)
