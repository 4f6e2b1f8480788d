"""A person's own images: bring them in, look at what came of it, use them, delete them."""

import contextlib
from dataclasses import replace
from functools import partial
from typing import Final

import streamlit as st

from core.data.catalogue import info_of
from core.data.intake.common import MAX_ARCHIVE_BYTES, Intake, IntakeError, Preparation
from core.data.intake.reading import Reading
from core.runs.manager import runs
from core.words.errors import UserError
from core.words.message import N_, message
from pages.parts.build.own_preview import Choices, preview
from pages.shared import live
from pages.shared import session as state
from pages.shared.closed_pages import until_closed
from pages.shared.language import _, say
from pages.shared.launch import attempt
from pages.shared.person import address, person
from pages.shared.upload_words import upload_words
from pages.shared.uploaded import opened
from pages.shared.words import duration, plain

# Seconds that the page waits for a file before it shows how far that is, and between two looks.
_AT_ONCE_S: Final = 1.0
_SOON_S: Final = 3.0
_LIVE_S: Final = 0.5
_PREPARATIONS: Final[dict[Preparation, str]] = {
    "centred": N_("Centred, as drawings are"),
    "as_is": N_("As they are"),
}


class _Held:
    """The file that this session reads, or has read."""

    def __init__(self) -> None:
        self.asked: tuple[str, Preparation] | None = None
        self.reading: Reading | None = None
        self.choices: Choices | None = None
        # Whether the page has waited for it; whoever goes on to build meanwhile is not held up.
        self.is_waited_for = False
        # The file whose images were used, and the key of these: it needs no second reading.
        self.used: tuple[tuple[str, Preparation], str] | None = None
        self._watched = until_closed(self)

    def let_go(self) -> None:
        """End what is being read, and keep nothing of it."""
        if self.reading is not None:
            self.reading.let_go()
        if self.choices is not None:
            self.choices.let_go()
        self.asked, self.reading, self.choices = None, None, None


def own_data() -> None:
    """Offer to bring in images of one's own, and list those that are here."""
    with st.popover(
        _("Your own images"),
        icon=":material/add_photo_alternate:",
        key="own_data",
        width="stretch",
    ):
        _panel()


def _panel() -> None:
    st.markdown(
        _(
            "A **.zip** with one folder of pictures for each class, called as the "
            "class is; or an **.npz** of two arrays, images and labels. At least three pictures of "
            "each of at least two classes; 20 and more of each are better."
        )
    )
    upload_words("own_file", MAX_ARCHIVE_BYTES // 2**20, ["ZIP", "NPZ", "NPY"])
    file = st.file_uploader(
        _("A .zip or .npz file"),
        key="own_file",
        max_upload_size=MAX_ARCHIVE_BYTES // 2**20,
    )
    how: Preparation = st.segmented_control(
        _("Preparation"),
        list(_PREPARATIONS),
        default="centred",
        required=True,
        format_func=lambda kind: say(_PREPARATIONS[kind]),
        key="own_preparation",
        help=_(
            "Centred: what stands out from its background becomes light on dark, 20 pixels large "
            "and in the middle, just as the Draw page prepares a drawing. As they are: only made "
            "grey and 28 × 28, for photos and for images that are prepared already."
        ),
    )
    if file is None:
        _let_go()
        _kept()
        return
    asked = file.file_id, how
    held = state.held("own_reading", _Held)
    if held.used is not None and held.used[0] == asked and held.used[1] in _keys():
        if held.used[1] == state.draft().data:
            st.success(
                _("These images are in use: close this panel, and train on them."),
                icon=":material/check:",
            )
        st.button(_("Read it again"), icon=":material/refresh:", key="own_again", on_click=_let_go)
        _kept()
        return
    if held.asked != asked or held.reading is None:
        _let_go()
        try:
            held.reading = Reading(opened(file), file.name, how)
        except UserError as error:
            st.error(plain(say(error)), icon=":material/upload_file:")
            return
        held.asked, held.is_waited_for = asked, False
    try:
        intake = held.reading.result(0) if held.is_waited_for else _at_once(held.reading)
        held.is_waited_for = True
    except IntakeError as error:
        st.error(plain(say(error)), icon=":material/broken_image:")
        return
    if intake is not None:
        if held.choices is None or held.choices.read is not intake:
            held.choices = Choices(intake)
        preview(held.choices, _use)
    elif held.reading.is_cancelled:
        st.caption(_("Reading was cancelled. Nothing of the file is kept."))
        st.button(_("Read it again"), icon=":material/refresh:", key="own_again", on_click=_let_go)
    else:
        with st.container(key="own_progress"):
            live.live("own_progress", partial(_progress, held.reading))


def _at_once(reading: Reading) -> Intake | None:
    """Wait for a small file, whose progress would be gone as soon as it is seen."""
    intake = reading.result(_AT_ONCE_S)
    left_s = reading.remaining_s
    soon = left_s is None or left_s < _SOON_S
    if intake is None and soon and not (reading.is_waiting or reading.is_cancelled):
        intake = reading.result(_SOON_S)
    return intake


def _progress(reading: Reading) -> float:
    """Show how far a file is read."""
    with contextlib.suppress(IntakeError):
        if reading.result(0) is None and not reading.is_cancelled:
            if reading.is_waiting:
                text = _("Other files are being read first")
            elif reading.remaining_s is None:
                text = _("Looking at the images")
            else:
                text = _("Looking at the images, {time} left").format(
                    time=duration(reading.remaining_s)
                )
            st.progress(min(1.0, reading.share), text=text)
            st.button(
                _("Cancel"), icon=":material/close:", key="own_cancel", on_click=reading.cancel
            )
            return _LIVE_S
    st.rerun()  # of one's own doing: it waits for no turn


def _let_go() -> None:
    """End what is being read, and keep nothing of it. Also a callback."""
    held = state.held("own_reading", _Held)
    held.let_go()
    held.used = None


def _use(choices: Choices) -> None:
    """Callback: keep the images and choose them."""
    if choices.is_gone:
        return  # they are read again, and shown before they are used
    try:
        key = runs().own_data.keep(choices.shown.own, person(), address())
    except UserError as error:
        state.refuse(error.message)
        return
    except OSError as error:
        state.refuse(
            message(
                "The images could not be kept on the disk ({why}). Free some space or name another "
                "folder in NETSKETCH_DATA, then bring them in again.",
                why=error.strerror or str(error),
            )
        )
        return
    state.adopt(replace(state.draft(), data=key))
    held = state.held("own_reading", _Held)
    asked = held.asked
    _let_go()  # what is looked at takes of a memory that all share
    held.used = (asked, key) if asked is not None else None


def _delete(key: str) -> None:
    """Callback: take images from the disk."""
    attempt(lambda: runs().own_data.delete(key, person()))


def _keys() -> tuple[str, ...]:
    return runs().own_data.keys(person())


def _kept() -> None:
    """List what is here, each with a button that deletes it."""
    for key in _keys():
        info = info_of(key)
        images = info.train + info.validation + info.test
        with st.container(horizontal=True, vertical_alignment="center"):
            names = plain(_(", ").join(info.class_names[:6]))
            st.markdown(
                _("**{title}** · {images:,} images · {classes}").format(
                    title=plain(info.title),
                    images=images,
                    classes=names + (" …" if len(info.class_names) > 6 else ""),
                )
            )
            st.space("stretch")
            st.button(
                _("Delete"),
                icon=":material/delete:",
                key=f"own_delete_{key}",
                on_click=_delete,
                args=(key,),
                help=_(
                    "Takes the images from the disk. Runs that learned from them still show and "
                    "draw, but cannot go on."
                ),
            )
