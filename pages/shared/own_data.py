"""A person's own images: bring them in, look at what came of it, use them, delete them."""

import hashlib
import threading
from collections import OrderedDict
from dataclasses import replace
from typing import Final

import pandas as pd
import streamlit as st

from core.datasets.arrays import is_arrays
from core.datasets.intake import MAX_ARCHIVE_BYTES, Intake, IntakeError, Preparation
from core.datasets.intake_npz import read_npz_file
from core.datasets.intake_zip import read_zip
from core.datasets.table import info_of
from core.errors import UserError
from core.message import N_, message
from core.runs import runs
from pages.shared import state
from pages.shared.language import _, say
from pages.shared.launch import attempt
from pages.shared.person import address, person
from pages.shared.pictures import strip_of_pictures
from pages.shared.upload_words import upload_words
from pages.shared.words import plain

MAX_PICTURES = 40
MAX_LISTED = 8
_PREPARATIONS: Final[dict[Preparation, str]] = {
    "centred": N_("Centred, as drawings are"),
    "as_is": N_("As they are"),
}

# What was read last, so that a click elsewhere does not read it again.
_MAX_KEPT: Final = 3
_read: Final[OrderedDict[tuple[str, str, Preparation], Intake]] = OrderedDict()
_reading: Final = threading.Lock()


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
            "A **.zip** with one folder of PNG or JPEG pictures for each class, called as the "
            "class is; or an **.npz** of two arrays, images and labels. At least three pictures of "
            "each of at least two classes; 20 and more of each are better."
        )
    )
    kinds = ["zip", "npz", "npy"]
    upload_words("own_file", MAX_ARCHIVE_BYTES // 2**20, kinds)
    file = st.file_uploader(
        _("A .zip or .npz file"),
        type=kinds,
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
        _kept()
        return
    try:
        intake = _take_in(file.getvalue(), file.name, how)
    except IntakeError as error:
        st.error(plain(say(error)), icon=":material/broken_image:")
        return
    _preview(intake)


def _take_in(data: bytes, name: str, how: Preparation) -> Intake:
    """Read a file, showing how far that is."""
    key = hashlib.sha256(data).hexdigest(), name, how
    with _reading:
        if key in _read:
            return _read[key]
    text = _("Looking at the images")
    bar = st.progress(0.0, text=text)
    named = name.lower().endswith((".npz", ".npy"))
    reader = read_npz_file if named or is_arrays(data) else read_zip
    steps = reader(data, name, how)
    try:
        while True:
            bar.progress(next(steps), text=text)
    except StopIteration as done:
        intake: Intake = done.value
    finally:
        bar.empty()
    with _reading:
        _read[key] = intake
        while len(_read) > _MAX_KEPT:
            _read.popitem(last=False)
    return intake


def _preview(intake: Intake) -> None:
    own = intake.own
    st.markdown(
        _(
            "**{images:,}** images of **{classes}** classes, 28 × 28, as a network will see them:"
        ).format(images=len(own.images), classes=len(own.class_names))
    )
    per_class = max(1, MAX_PICTURES // len(own.class_names))
    rows = [
        row
        for label in range(len(own.class_names))
        for row in (own.labels == label).nonzero()[0][:per_class].tolist()
    ]
    strip_of_pictures(own.images[rows], [own.class_names[own.labels[row]] for row in rows])
    if intake.notes:
        told = "\n".join(f"- {plain(say(note))}" for note in intake.notes)
        st.info(_("What was assumed or done:\n{notes}").format(notes=told))
    st.button(
        _("Use these images"),
        type="primary",
        icon=":material/check:",
        key="own_use",
        on_click=_use,
        args=(intake,),
    )
    st.dataframe(
        pd.DataFrame({_("Class"): own.class_names, _("Images"): intake.counts}),
        hide_index=True,
        height=180,
    )
    if intake.left_out:
        listed = "\n".join(
            f"- {plain(one.name)}: {plain(say(one.reason))}" for one in intake.left_out[:MAX_LISTED]
        )
        rest = len(intake.left_out) - MAX_LISTED
        if rest > 0:
            listed += "\n- " + _("… and {count:,} more").format(count=rest)
        st.warning(_("Left out:\n{listed}").format(listed=listed), icon=":material/filter_alt:")


def _use(intake: Intake) -> None:
    """Callback: keep the images and choose them."""
    try:
        key = runs().own_data.keep(intake.own, person(), address())
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


def _delete(key: str) -> None:
    """Callback: take images from the disk."""
    attempt(lambda: runs().own_data.delete(key, person()))


def _kept() -> None:
    """List what is here, each with a button that deletes it."""
    for key in runs().own_data.keys(person()):
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
