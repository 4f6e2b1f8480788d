"""Augmentation: four sliders, and what they make of real digits."""

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.data.catalogue import info_of
from core.data.formats import FormatError
from core.data.info import DIGITS as DIGIT_NAMES
from core.runs.manager import runs
from core.spec import RunSpec
from core.training.augmentation import augments, preview
from core.words.errors import UserError
from pages.parts.build.fields import field_grid
from pages.shared.fold import fold
from pages.shared.language import _
from pages.shared.person import person
from pages.shared.pictures import data_uri

DIGITS = (2, 4, 5, 7)
VERSIONS = 8
_SCALE = 2
_GAP_PX = 4


def augmentation(spec: RunSpec) -> None:
    """Show the four settings and, where one is on, digits before and after."""
    words = _("Augmentation, on") if augments(spec) else _("Augmentation")
    fold(words, "augmentation", ":material/transform:", lambda: _settings(spec))


def _settings(spec: RunSpec) -> None:
    field_grid("shift", "rotation", "scale", "elastic")
    if not augments(spec):
        st.caption(_("All off: every epoch shows the network the very same images."))
        return
    try:
        images = _some(spec.data)
    except (FormatError, UserError):  # the run will say so; there is only no picture here
        return
    st.image(data_uri(contact_sheet(preview(images, spec, VERSIONS))))
    st.caption(_("Left: an image as it is. Right of it: what training may see in its place."))


def _some(data: str) -> Tensor:
    """Return a few images of a data set: uint8 (N, 1, 28, 28)."""
    images, labels = runs().own_data.pictures(data, person())
    if info_of(data).class_names == DIGIT_NAMES:
        rows = np.array([np.flatnonzero(labels == digit)[0] for digit in DIGITS])
    else:
        rows = np.linspace(0, len(labels) - 1, min(len(labels), len(DIGITS))).round().astype(int)
    return torch.from_numpy(images[rows])[:, None]


def contact_sheet(versions: Tensor) -> NDArray[np.uint8]:
    """Lay images out in rows, the first of each row set apart.

    Args:
        versions: uint8 (rows, columns, 28, 28).

    Returns:
        uint8 (height, width, 4): transparent between the images.
    """
    rows, columns, side = versions.shape[:3]
    cell = side * _SCALE + _GAP_PX
    sheet = np.zeros((rows * cell - _GAP_PX, columns * cell + 2 * _GAP_PX, 4), np.uint8)
    for row in range(rows):
        for column in range(columns):
            top, left = row * cell, column * cell + (3 * _GAP_PX if column else 0)
            pixels = np.kron(versions[row, column].numpy(), np.ones((_SCALE, _SCALE), np.uint8))
            sheet[top : top + side * _SCALE, left : left + side * _SCALE, :3] = pixels[..., None]
            sheet[top : top + side * _SCALE, left : left + side * _SCALE, 3] = 255
    return sheet
