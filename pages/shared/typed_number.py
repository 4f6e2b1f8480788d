"""A field in which a number is typed as people write it, with steps to either side.

Streamlit's own is the browser's: where the browser writes a point, it drops a typed comma without a
word, and 0,002 becomes 2.
"""

import streamlit as st

from core.spec.settings import Number
from core.words.errors import UserError
from core.words.number import written
from pages.shared import session
from pages.shared.language import _, say
from pages.shared.words import plain

_COMPLAINTS = "number_complaints"


def typed_number(record: Number, path: str, now: int) -> None:
    """Show the field of a whole number of the draft.

    Args:
        record: of the field.
        path: of the field, such as `num_epochs`.
        now: what the draft holds.
    """
    with st.container(key=f"typed_{path}", horizontal=True, vertical_alignment="bottom", gap=None):
        st.text_input(
            say(record.label),
            key=session.widget_key(path, written(now)),
            on_change=_take,
            args=(record, path, now),
            help=say(record.help),
        )
        for step, icon, words in ((-1, "remove", _("One less")), (1, "add", _("One more"))):
            st.button(
                # Read out, not seen; see style.css.
                _(", ").join((say(record.label), words)),
                icon=f":material/{icon}:",
                key=f"{path}_{icon}",
                type="tertiary",
                on_click=_step,
                args=(record, path, step),
                disabled=record.complaint(now + step) is not None,
                help=words,
            )
        complaint(path, now)


def complaint(key: str, now: float) -> None:
    """Say what was wrong with what was typed last, under its field.

    Args:
        key: as `take` was given it.
        now: what the field stands at; once that is another number, nothing is wrong any more.
    """
    sentence, before = _complaints().get(key, ("", now))
    if before != now:
        del _complaints()[key]  # for good: it says nothing of another time at the same number
    elif sentence:
        with st.container(key=f"complaint_{key}"):
            st.markdown(f":small[:red[{plain(say(sentence))}]]")


def take(record: Number, key: str, text: str, now: float) -> int | float | None:
    """Read what was typed, or keep what is wrong with it to be said under the field.

    Args:
        record: of the field.
        key: under which `complaint` finds it.
        text: as it was typed.
        now: what the field stands at, and goes on to.
    """
    _complaints().pop(key, None)
    try:
        return record.read(text)
    except UserError as error:
        _complaints()[key] = error.message, now
        return None


def _take(record: Number, path: str, now: int) -> None:
    """Bring a typed number into the draft. For use as a callback."""
    text = session.typed(path)
    value = take(record, path, text, now) if text is not None else None
    if value is not None:
        session.change(path, value)


def _step(record: Number, path: str, step: int) -> None:
    """Go one up or down from what the draft holds by now. For use as a callback.

    Who types a number and clicks at once, or clicks twice, is ahead of what the page showed.
    """
    value = session.draft().value(path)
    assert isinstance(value, int)
    if record.complaint(value + step) is None:
        session.change(path, value + step)


def _complaints() -> dict[str, tuple[str, float]]:
    return session.held(_COMPLAINTS, dict[str, tuple[str, float]])
