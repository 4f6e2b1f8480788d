"""The words inside a file uploader, which Streamlit 1.67 says in English only."""

import json
from collections.abc import Sequence
from typing import Final

import streamlit as st

from core.translation import DEFAULT
from pages.shared.language import _, language

# The English words stay for a screen reader, without a size; what is seen stands behind them.
_STYLE: Final = """<style>
.st-key-KEY [data-testid=stFileUploaderDropzone] button p,
.st-key-KEY [data-testid=stFileUploaderDropzoneInstructions] span { font-size: 0; }
.st-key-KEY [data-testid=stFileUploaderDropzone] button p::after,
.st-key-KEY [data-testid=stFileUploaderDropzoneInstructions] span::after { font-size: 0.875rem; }
.st-key-KEY [data-testid=stFileUploaderDropzone] button p::after { content: BUTTON; }
.st-key-KEY [data-testid=stFileUploaderDropzoneInstructions] span::after { content: LIMITS; }
</style>"""


def upload_words(key: str, most_mb: int, kinds: Sequence[str]) -> None:
    """Tell the uploader in a container what it says, where that is not English.

    Args:
        key: of the container.
        most_mb: how large a file may be.
        kinds: endings of the files that it takes.
    """
    if language() == DEFAULT:
        return
    listed = _(", ").join(kind.upper() for kind in kinds)
    limits = _("{size} MB per file • {kinds}").format(size=most_mb, kinds=listed)
    style = _STYLE.replace("KEY", key)
    style = style.replace("BUTTON", json.dumps(_("Upload"), ensure_ascii=False))
    st.html(style.replace("LIMITS", json.dumps(limits, ensure_ascii=False)))
