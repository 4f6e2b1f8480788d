"""The words inside a file uploader, which Streamlit 1.67 says in English only.

Every uploader is open to all files (no `type=`): what Streamlit refuses by its name, it refuses in
its own words, and before ours can say what to do.
"""

import json
from collections.abc import Sequence
from typing import Final

import streamlit as st

from core.words.translation import DEFAULT
from pages.shared.language import _, language

# The English words stay for a screen reader, without a size; what is seen stands behind them.
_STYLE: Final = """<style>
.st-key-KEY PLACE { font-size: 0; }
.st-key-KEY PLACE::after { font-size: 0.875rem; content: WORDS; }
</style>"""
_BUTTON: Final = "[data-testid=stFileUploaderDropzone] button p"
_LIMITS: Final = "[data-testid=stFileUploaderDropzoneInstructions] span"
# What core.drawing.picture reads.
PICTURE_KINDS: Final = ("PNG", "JPEG", "WebP", "GIF", "BMP", "TIFF")


def upload_words(key: str, most_mb: int, kinds: Sequence[str]) -> None:
    """Tell the uploader in a container what it says: what it takes, and all that is not English.

    Args:
        key: of the container.
        most_mb: how large a file may be.
        kinds: of the files that it takes, as people name them.
    """
    limits = _("{size} MB per file • {kinds}").format(size=most_mb, kinds=_(", ").join(kinds))
    styles = [_style(key, _LIMITS, limits)]
    if language() != DEFAULT:
        styles.append(_style(key, _BUTTON, _("Upload")))
    st.html("".join(styles))


def _style(key: str, place: str, words: str) -> str:
    style = _STYLE.replace("KEY", key).replace("PLACE", place)
    return style.replace("WORDS", json.dumps(words, ensure_ascii=False))
