"""Bring back what was taken home: a configuration becomes the draft, weights become a run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import streamlit as st

from core.bring_in import MAX_BYTES, configuration, weights
from core.runs.manager import runs
from core.runs.record import MAX_NAME
from core.serving.memory_budget import memory_budget
from core.spec import RunSpec
from core.words.errors import UserError
from core.words.message import N_, message, shown
from pages.shared import session
from pages.shared.language import _, say
from pages.shared.person import address, person
from pages.shared.upload_words import upload_words
from pages.shared.uploaded import Upload, opened
from pages.shared.words import plain

T = TypeVar("T")
_JSON: Final = "json"
_WEIGHTS: Final = "safetensors"
# Seconds that a file waits for the memory that others' take.
_PATIENCE_S: Final = 30.0


@dataclass
class Said:
    """What became of the last upload of this session, for a person; one of them is empty."""

    done: str = ""
    refused: str = ""


def bring_in() -> None:
    """Take a configuration, or weights; say in place what was wrong with a file."""
    with st.container(key="bring_in"):
        key = session.fresh_key("bring_in")
        upload_words("bring_in", MAX_BYTES // 2**20, [_JSON.upper(), _WEIGHTS])
        st.file_uploader(
            _("Bring in a configuration (.json) or weights (.safetensors) of NetSketch"),
            accept_multiple_files=True,
            max_upload_size=MAX_BYTES // 2**20,
            key=key,
            on_change=_take,
            args=(key,),
            help=_(
                "A configuration becomes the draft of the Build page. Weights become a run, to be "
                "drawn with, tested and compared; weights that do not name their network need its "
                "configuration beside them. Nothing of a file is ever executed."
            ),
        )
        said = session.held("bring_in_said", Said)
        if said.refused:
            st.error(plain(say(said.refused)), icon=":material/block:")
        elif said.done:
            st.success(plain(say(said.done)), icon=":material/check:")


def _take(key: str) -> None:
    """Callback: read what was uploaded, once."""
    files: Sequence[Upload] = st.session_state[key] or ()
    if not files:
        return
    said = session.held("bring_in_said", Said)
    said.done = said.refused = ""
    try:
        said.done = read(files)
    except UserError as error:
        said.refused = error.message
    # What has been read, or refused, is not read again by the next run of the script.
    session.renew_key("bring_in")


def read(files: Sequence[Upload]) -> str:
    """Make the draft or a run of what was uploaded together; return a sentence about it.

    Raises:
        UserError: a file, or what was uploaded together, is not what NetSketch takes.
    """
    for file in files:
        opened(file)  # first of all: what was refused bears no name of its own
    found = {kind: [file for file in files if _kind(file) == kind] for kind in (_JSON, _WEIGHTS)}
    if len(found[_JSON]) > 1 or len(found[_WEIGHTS]) > 1:
        raise UserError(N_("Bring in one network at a time: one .json, one .safetensors, or both."))
    for file in files:
        if _kind(file) not in found:
            raise UserError(
                message(
                    "{file} cannot be brought in: only .json and .safetensors files can, as "
                    "NetSketch writes them.",
                    file=shown(file.name),
                )
            )
    spec = _named(found[_JSON][0], configuration) if found[_JSON] else None
    if found[_WEIGHTS]:
        return _run_of(found[_WEIGHTS][0], spec)
    assert spec is not None  # there is at least one file
    session.adopt(spec)
    return message(
        "{file} is the draft now. Train it, or change it first.", file=shown(found[_JSON][0].name)
    )


def _run_of(file: Upload, spec: RunSpec | None) -> str:
    brought = _named(file, lambda data: weights(data, spec))
    name = "".join(c if c.isprintable() else " " for c in file.name.rpartition(".")[0]).strip()
    run = runs().bring_in(
        name[:MAX_NAME].strip() or "Brought in",
        brought.spec,
        brought.weights,
        person(),
        address(),
        brought.images,
    )
    session.choose_run(run.id)
    return message("{run} is a run now. It is tested as soon as it is its turn.", run=run.name)


def _kind(file: Upload) -> str:
    return file.name.rpartition(".")[2].lower()


def _named(file: Upload, reader: Callable[[bytes], T]) -> T:
    """Read a file; what is wrong with it is said with its name."""
    held = opened(file)
    try:
        # The bytes, and what is made of them.
        with memory_budget().work(2 * held.size, _PATIENCE_S):
            return reader(held.read())
    except UserError as error:
        words = message("{file}: {problem}", file=shown(file.name), problem=error.message)
        raise UserError(words) from error
