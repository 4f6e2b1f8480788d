"""Which data set: a choice that says what has to be downloaded first, and a few of its images."""

import streamlit as st

from core.data.catalogue import DATASETS, DatasetInfo, info_of
from core.data.formats import FormatError
from core.data.loading import is_available
from core.data.own.kept import is_own
from core.data.sources import SOURCES
from core.runs.manager import runs
from core.spec import RunSpec
from core.words.errors import UserError
from pages.parts.build.fields import field
from pages.parts.build.own_data import own_data
from pages.shared.data_words import class_titles, data_title
from pages.shared.language import _, say
from pages.shared.person import person
from pages.shared.pictures import strip_of_pictures
from pages.shared.words import plain

MAX_PICTURES = 10


def data_choice() -> None:
    """Show the choice of the data set."""
    offered = [*DATASETS.values(), *map(info_of, runs().own_data.keys(person()))]
    field("data", options={info.key: _title(info) for info in offered})


def data_strip(spec: RunSpec) -> None:
    """Show some images of the chosen data set where it is here, and offer to bring in others."""
    info = info_of(spec.data)
    with st.container(key="data_strip"):
        try:
            images, labels = runs().own_data.pictures(spec.data, person())
        except (FormatError, UserError):  # the page says what is missing
            described, own = st.columns([8, 2], vertical_alignment="center")
        else:
            pictures, described, own = st.columns([3, 5, 2], vertical_alignment="center")
            step = -(-len(labels) // MAX_PICTURES)
            titles = class_titles(spec.data)
            names = [titles[label] for label in labels.tolist()]
            with pictures:
                strip_of_pictures(images[::step], names[::step])
        described.caption(plain(say(info.description)))
        with own:
            own_data()


def _title(info: DatasetInfo) -> str:
    if is_own(info.key):
        images = info.train + info.validation + info.test
        return _("{title} (your own, {images:,} images)").format(title=info.title, images=images)
    title = data_title(info.key)
    if is_available(info.key):
        return title
    size = SOURCES[info.source].size / 1e6
    return _("{title} · download {size:.0f} MB").format(title=title, size=size)
