"""Images written into the page itself, and small grey ones side by side."""

import base64
import html
import io
from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

SIDE_PX = 28


def data_uri(image: NDArray[np.uint8]) -> str:
    """Return an image, grey (H, W) or RGBA (H, W, 4), as an address that holds it.

    Streamlit keeps an image's file for the page's present run alone: a browser that asks for it
    while the next change is on its way gets none.
    """
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def strip_of_pictures(images: NDArray[np.uint8], names: Sequence[str]) -> None:
    """Show images uint8 (N, 28, 28) in a row that wraps."""
    st.html(strip_html(images, names))


def strip_html(images: NDArray[np.uint8], names: Sequence[str]) -> str:
    """Write a row of pictures; whatever stands in a name, it is text."""
    shown = "".join(
        f'<img src="{data_uri(image)}" title="{html.escape(name)}" '
        f'alt="{html.escape(name)}" width="{SIDE_PX}" height="{SIDE_PX}" '
        'style="border-radius:3px">'
        for image, name in zip(images, names, strict=True)
    )
    # Ten stand in one row on the narrowest phone too.
    gap = "clamp(0.8px,(100vw - 315px)/9,3px)"
    return f'<div style="display:flex;flex-wrap:wrap;gap:{gap}">{shown}</div>'
