"""A picture file of one digit on the Draw page, and how it looks."""

from typing import Final

import streamlit as st
from torch import Tensor

from core.data.info import DatasetInfo
from core.data.own.kept import is_own
from core.data.preparation import all_from_picture
from core.drawing.photo.file import assumed, is_large
from core.drawing.photo.thumbnail import thumbnail
from core.drawing.photo.turn import in_turn
from core.drawing.picture import MAX_PICTURE_BYTES
from core.serving.held_file import HeldFile
from core.words.errors import UserError
from pages.parts.draw.which_reading import choose_reading
from pages.shared.language import _, say
from pages.shared.pictures import data_uri
from pages.shared.upload_words import PICTURE_KINDS, upload_words
from pages.shared.uploaded import opened
from pages.shared.words import plain

# Twice as fine as it is shown, for screens of such pixels.
_SIDE: Final = 280
_SEEN: Final = "picture_seen"


def picture_input(info: DatasetInfo) -> tuple[Tensor | None, str]:
    """Let a person choose a picture; say what is wrong with one that cannot be read.

    Returns:
        what a network that knows the data set is to see, uint8 (1, 1, 28, 28), and the address of
        the picture as it is; None and nothing where there is no picture, or none that shows
        anything.
    """
    upload_words("picture", MAX_PICTURE_BYTES // 2**20, PICTURE_KINDS)
    file = st.file_uploader(
        _label(info),
        key="picture",
        max_upload_size=MAX_PICTURE_BYTES // 2**20,
    )
    # Streamlit's browser side refuses these, in English and only where a mouse rests on the name,
    # and leaves the file before in its place: style.css shows this, and hides the old answer.
    with st.container(key="picture_refused"):
        st.caption(
            _(
                ":red[This file was not taken: it has more than {most} MB, or the connection broke "
                "off. Remove it, and choose a smaller one or the same again.]"
            ).format(most=MAX_PICTURE_BYTES // 2**20)
        )
    if file is None:
        return None, ""
    try:
        digits, picture, told = _looked_at(file.file_id, opened(file), info)
    except UserError as error:
        st.error(plain(say(error)), icon=":material/broken_image:")
        return None, ""
    if told:
        st.caption(plain(say(told)))
    return choose_reading(digits, file.file_id), picture


def _label(info: DatasetInfo) -> str:
    """Say what a picture should show."""
    if info.preparation == "as_is":
        return _("A picture, taken as this network’s own images were")
    if is_own(info.key):
        return _("A picture of one thing, dark on light or light on dark")
    words = _("A picture of one {noun}, dark on light or light on dark")
    return words.format(noun=say(info.noun))


def _looked_at(file_id: str, held: HeldFile, info: DatasetInfo) -> tuple[list[Tensor], str, str]:
    """Look at a picture once, however often the page is drawn.

    Raises:
        UserError: it cannot be read, or shows nothing; that is looked for once, too.
    """
    key = file_id, info.key
    kept = st.session_state.get(_SEEN)
    if kept is None or kept[0] != key:
        kept = key, _look(held, info)
        st.session_state[_SEEN] = kept
    seen: tuple[list[Tensor], str, str] | str = kept[1]
    if isinstance(seen, str):
        raise UserError(seen)
    return seen


def _look(held: HeldFile, info: DatasetInfo) -> tuple[list[Tensor], str, str] | str:
    """Return what can be told of a picture, or the sentence that says why nothing can."""
    data = held.read()
    try:
        with in_turn(large=is_large(data)):
            digits = all_from_picture(data, info)
            return digits, data_uri(thumbnail(data, _SIDE)), assumed(data) or ""
    except UserError as error:
        return error.message  # not the error, which would keep the whole file
