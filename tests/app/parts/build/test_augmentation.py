"""The four sliders of augmentation, and the digits beside them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.data.npz import samples
from core.data.own.kept import OwnImages, keep
from core.data.preview import preview
from core.spec.presets import DEFAULT
from core.words.errors import UserError
from pages.parts.build.augmentation import DIGITS, VERSIONS, contact_sheet

OFF = replace(DEFAULT, shift=0, rotation=0, scale=0.0)


@pytest.fixture(autouse=True)
def few_digits(make_digits, monkeypatch):
    """Digits that need not be read."""
    train = make_digits(50).train
    some = samples(train.images[:, 0].numpy(), train.labels.numpy())
    monkeypatch.setattr("core.data.own.owners.preview", lambda key: some)


@pytest.mark.parametrize(
    ("name", "value"), [("shift", 3), ("rotation", 15), ("scale", 0.2), ("elastic", 2.0)]
)
def test_what_it_does_is_shown_as_soon_as_it_is_on(visit, name, value):
    tab = visit(spec=OFF)
    assert not tab.image
    tab.set(name, value)
    assert tab.draft == replace(OFF, **{name: value})
    assert len(tab.image) == 1
    tab.set(name, type(value)(0))
    assert not tab.image
    assert tab.draft == OFF


def test_digits_that_cannot_be_read_leave_the_sliders(visit, monkeypatch):
    def load(key):
        raise UserError("They are gone.")

    monkeypatch.setattr("core.data.own.owners.preview", load)
    tab = visit(spec=replace(DEFAULT, shift=2))
    assert not tab.image
    assert tab.has("field:shift")


def test_it_is_shown_on_the_very_images_that_are_learned_from(visit, monkeypatch, tmp_path):
    monkeypatch.setattr("core.data.own.owners.preview", preview)
    monkeypatch.setenv("NETSKETCH_DATA", str(tmp_path / "data"))
    images = np.full((6, 28, 28), 245, np.uint8)
    images[3:, 10:18, :6] = 20
    images[range(6), 26, range(6)] = 240  # no two are copies
    key = keep(OwnImages("mine", ("a", "b"), images, np.repeat([0, 1], 3), preparation="as_is"))
    seen = []
    monkeypatch.setattr(
        "pages.parts.build.augmentation.contact_sheet",
        lambda versions: seen.append(versions) or contact_sheet(versions),
    )
    visit(spec=replace(OFF, data=key, shift=2))
    assert seen[-1].shape == (2, 1 + VERSIONS, 28, 28)
    assert (seen[-1][0] >= 240).all()  # nor does anything black come in
    assert (seen[-1][1] == 20).sum(dim=(1, 2)).min() > 0


def test_the_sheet_has_every_image_once_in_its_place():
    marks = torch.arange(1, len(DIGITS) * VERSIONS + 1, dtype=torch.uint8)
    versions = marks.view(len(DIGITS), VERSIONS, 1, 1).expand(-1, -1, 28, 28)
    sheet = contact_sheet(versions)
    assert sheet.shape[2] == 4
    opaque = sheet[..., 3] == 255
    for mark in marks.tolist():
        rows, columns = np.nonzero((sheet[..., 0] == mark) & opaque)
        assert len(rows) == 56 * 56
        assert (np.ptp(rows), np.ptp(columns)) == (55, 55)
    assert opaque.sum() == len(marks) * 56 * 56  # and all else is transparent


def test_the_first_of_each_row_stands_apart():
    opaque = contact_sheet(torch.ones(1, 4, 28, 28, dtype=torch.uint8))[0, :, 3] == 255
    edges = np.flatnonzero(np.diff(opaque.astype(int)))
    gaps = (edges[1::2] - edges[0::2])[:3].tolist()
    assert gaps[0] > gaps[1] == gaps[2]
