"""Augmentation: four sliders, and what they make of real digits."""

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.augment import augments, preview
from core.data import load
from core.errors import UserError
from core.spec import RunSpec
from pages.shared.fields import field_grid
from pages.shared.fold import fold
from pages.shared.language import _
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
        digits = load("embedded").train
    except UserError:  # the run will say so; there is only no picture here
        return
    rows = [int((digits.labels == digit).nonzero()[0]) for digit in DIGITS]
    sheet = contact_sheet(preview(digits.images[torch.tensor(rows)], spec, VERSIONS))
    st.image(data_uri(sheet))
    st.caption(_("Left: a digit as it is. Right of it: what training may see in its place."))


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
