"""Which data set: a choice that says what has to be downloaded first, and a few of its images."""

import streamlit as st

from core.data import is_available
from core.datasets.formats import FormatError
from core.datasets.preview import preview
from core.datasets.sources import SOURCES
from core.datasets.table import DATASETS, DatasetInfo, info_of
from core.errors import UserError
from core.spec import RunSpec
from pages.shared.fields import field
from pages.shared.pictures import strip_of_pictures
from pages.shared.words import plain

MAX_PICTURES = 12


def data_choice(spec: RunSpec) -> None:
    """Show the choice of the data set, and the images of the chosen one where it is here."""
    field("data", options={info.key: _title(info) for info in DATASETS.values()})
    info = info_of(spec.data)
    try:
        images, labels = preview(spec.data)
    except (FormatError, UserError):  # the page says what is missing
        st.caption(plain(info.description))
        return
    step = max(1, -(-len(labels) // MAX_PICTURES))
    names = [info.class_names[label] for label in labels.tolist()]
    strip_of_pictures(images[::step], names[::step])
    st.caption(plain(info.description))


def _title(info: DatasetInfo) -> str:
    if is_available(info.key):
        return info.title
    return f"{info.title} · {SOURCES[info.source].size / 1e6:.0f} MB to download"
