"""Small grey images side by side, each with its name on hover."""

import base64
import html
import io
from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

SIDE_PX = 28


def strip_of_pictures(images: NDArray[np.uint8], names: Sequence[str]) -> None:
    """Show images uint8 (N, 28, 28) in a row that wraps."""
    st.html(strip_html(images, names))


def strip_html(images: NDArray[np.uint8], names: Sequence[str]) -> str:
    """Write a row of pictures; whatever stands in a name, it is text."""
    shown = "".join(
        f'<img src="data:image/png;base64,{_png(image)}" title="{html.escape(name)}" '
        f'alt="{html.escape(name)}" width="{SIDE_PX}" height="{SIDE_PX}" '
        'style="border-radius:3px">'
        for image, name in zip(images, names, strict=True)
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:3px">{shown}</div>'


def _png(image: NDArray[np.uint8]) -> str:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()
