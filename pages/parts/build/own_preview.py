"""What came of a person's file, before it is used: its images, its classes' names, its parts."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import pandas as pd
import streamlit as st

from core.data.intake.common import Intake, IntakeError
from pages.shared.language import _, say
from pages.shared.pictures import strip_of_pictures
from pages.shared.words import plain

_MAX_PICTURES: Final = 40
_MAX_LISTED: Final = 8


class Choices:
    """What a person has chosen for one file."""

    def __init__(self, read: Intake) -> None:
        self.read = read
        self.shown = read
        self.trouble = ""
        # The editor of names begins anew whenever names change by another way.
        self.version = 0
        self.is_gone = False

    def let_go(self) -> None:
        """Keep the images no longer, whatever widgets of the page still know of the choices."""
        if not self.is_gone:
            self.is_gone = True
            del self.read, self.shown

    def choose(
        self, *, merged: bool | None = None, called: Mapping[str, str] | None = None
    ) -> None:
        """Settle the images anew; where that cannot be, say why and leave them as they are."""
        if self.is_gone:
            return
        self.trouble = ""
        try:
            self.shown = self.shown.settled(merged=merged, called=called)
        except IntakeError as error:
            self.trouble = error.message
        self.version += 1


def preview(choices: Choices, use: Callable[[Choices], None]) -> None:
    """Show what came of a file and let it be changed.

    Args:
        choices: of the file.
        use: a callback that takes the images as they are shown.
    """
    intake = choices.shown
    own = intake.own
    st.markdown(
        _(
            "**{images:,}** images of **{classes}** classes, 28 × 28, as a network will see them:"
        ).format(images=len(own.images), classes=len(own.class_names))
    )
    per_class = max(1, _MAX_PICTURES // len(own.class_names))
    rows = [
        row
        for label in range(len(own.class_names))
        for row in (own.labels == label).nonzero()[0][:per_class].tolist()
    ]
    strip_of_pictures(own.images[rows], [own.class_names[own.labels[row]] for row in rows])
    if choices.trouble:
        st.error(plain(say(choices.trouble)), icon=":material/block:")
    _parts(choices)
    _readings(choices)
    if intake.notes:
        told = "\n".join(f"- {plain(say(note))}" for note in intake.notes)
        st.info(_("What was assumed or done:\n{notes}").format(notes=told))
    st.button(
        _("Use these images"),
        type="primary",
        icon=":material/check:",
        key="own_use",
        on_click=use,
        args=(choices,),
    )
    _names(choices)
    _left_out(intake)


def _parts(choices: Choices) -> None:
    """Offer to keep the parts that the file gives, or to put them together."""
    if not choices.read.has_parts:
        return
    key = f"own_parts_{choices.version}"
    ways = {False: _("Keep its own test images"), True: _("Put all together")}
    st.segmented_control(
        _("The file says which images test"),
        list(ways),
        default=choices.shown.merged,
        required=True,
        format_func=lambda merged: ways[merged],
        key=key,
        on_change=lambda: choices.choose(merged=bool(st.session_state[key])),
        help=_(
            "Keep: what the file gives to test or to validate is used for that and never learned "
            "from. Put together: all images are divided anew, every class in its share."
        ),
    )


def _readings(choices: Choices) -> None:
    """Where the names' alphabet stays doubtful, let the right reading be chosen."""
    readings = choices.read.readings
    if not readings:
        return
    key = f"own_reading_{choices.version}"
    present = next(
        (
            i
            for i, (_title, called) in enumerate(readings)
            if set(called.values()) >= set(choices.shown.own.class_names)
        ),
        0,
    )

    def words(number: int) -> str:
        title, called = readings[number]
        names = _(", ").join(plain(name) for name in list(called.values())[:4])
        return f"{names} · {say(title)}"

    st.radio(
        _("The file does not say which alphabet its names are written in. Which are right?"),
        range(len(readings)),
        index=present,
        format_func=words,
        key=key,
        on_change=lambda: choices.choose(called=readings[st.session_state[key]][1]),
    )


def _names(choices: Choices) -> None:
    """List the classes; their names can be changed."""
    own = choices.shown.own
    key = f"own_names_{choices.version}"
    st.data_editor(
        pd.DataFrame({_("Class"): own.class_names, _("Images"): choices.shown.counts}),
        hide_index=True,
        height=180,
        disabled=[_("Images")],
        column_config={
            _("Class"): st.column_config.TextColumn(
                max_chars=40,
            ),
        },
        key=key,
        on_change=partial(_rename, choices, key),
    )
    st.caption(_("Double-click a name to change it; two classes of one name become one."))


def _rename(choices: Choices, key: str) -> None:
    """Callback: call classes as the table says now."""
    if choices.is_gone:
        return
    intake = choices.shown
    taken = intake.taken
    if taken is None:
        return
    # What the file calls each class, by what it is called at present.
    present = {name: intake.called.get(name) or name for name in set(taken.classes)}
    called = dict(present)
    for row, changed in st.session_state[key]["edited_rows"].items():
        before = intake.own.class_names[int(row)]
        after = str(changed.get(_("Class")) or "")
        for name, now in present.items():
            if now == before:
                called[name] = after or name
    choices.choose(called=called)


def _left_out(intake: Intake) -> None:
    if not intake.left_out:
        return
    listed = "\n".join(
        f"- {plain(one.name)}: {plain(say(one.reason))}" for one in intake.left_out[:_MAX_LISTED]
    )
    rest = len(intake.left_out) - _MAX_LISTED
    if rest > 0:
        listed += "\n- " + _("… and {count:,} more").format(count=rest)
    st.warning(_("Left out:\n{listed}").format(listed=listed), icon=":material/filter_alt:")
