"""A person's own data set: kept, chosen, trained with, deleted."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.data.catalogue import class_names_of, info_of, num_classes_of
from core.data.loading import DataError, is_available, load, short_title_of, title_of
from core.data.own.kept import (
    OwnImages,
    delete,
    images_path,
    is_known,
    is_own,
    keep,
    own_keys,
)
from core.data.own.parts import TEST, TRAIN
from core.data.preview import preview
from core.judging.prediction import probabilities
from core.network.layers import lay_out
from core.network.model import build
from core.spec import RunSpec, SpecError
from core.spec.codec import from_json, from_query, to_json, to_query
from core.spec.presets import DEFAULT
from core.training.check import check
from core.training.trainer import Trainer

UNKNOWN = "own:0123456789ab-3"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NETSKETCH_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def own(per_class: int = 20, names: tuple[str, ...] = ("left", "right"), seed: int = 0):
    """Bright bars on the side that the class says."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(names)), per_class)
    images = rng.integers(0, 60, (len(labels), 28, 28), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[4:24, 2 + 7 * label : 7 + 7 * label] = 255
    return OwnImages("mine", names, images, labels)


def test_images_are_kept_under_a_name_made_of_them(folder):
    key = keep(own())
    assert is_own(key)
    assert is_available(key)
    assert keep(own()) == key
    assert keep(own(seed=1)) != key
    assert keep(own(names=("left", "Right"))) != key
    assert set(own_keys()) >= {key}
    assert len(own_keys()) == 3
    assert {path.name for path in (folder / "own").iterdir()} == {k[4:] for k in own_keys()}
    info = info_of(key)
    assert info.class_names == class_names_of(key) == ("left", "right")
    assert num_classes_of(key) == 2
    assert (info.train, info.validation, info.test) == (28, 6, 6)


def test_each_part_has_every_class_and_no_image_twice():
    mine = own(names=("a", "b", "c"), per_class=9)
    found = load(keep(mine))
    parts = (found.train, found.validation, found.test)
    for part in parts:
        assert set(part.labels.tolist()) == {0, 1, 2}
        assert part.images.shape == (len(part), 1, 28, 28)
    every = torch.cat([part.images for part in parts]).flatten(1)
    assert len(every) == 27
    assert len({tuple(row) for row in every.tolist()}) == 27
    for part in parts:
        for image, label in zip(part.images, part.labels.tolist(), strict=True):
            assert image[0, 12, 2 + 7 * label] == 255
    pixels = found.train.images.float() / 255
    assert found.mean == pytest.approx(pixels.mean().item(), abs=1e-4)
    assert found.std == pytest.approx(pixels.std().item(), abs=1e-3)
    assert (found.mean, found.std) == (info_of(found.key).mean, info_of(found.key).std)


def test_a_given_test_set_is_the_test_set():
    mine = own(10)
    given = np.full(20, TRAIN, np.int8)
    given[[0, 1, 2, 10]] = TEST
    key = keep(replace(mine, parts=given))
    found = load(key)
    assert key != keep(mine)
    expected = {one.tobytes() for one in mine.images[given == TEST]}
    assert {one.numpy().tobytes() for one in found.test.images} == expected
    assert (len(found.train), len(found.validation), len(found.test)) == (14, 2, 4)
    assert "came for it" in info_of(key).description


def test_copies_are_stored_in_one_part():
    mine = own(12)
    mine.images[12:18] = mine.images[12]
    mine.images[3] = mine.images[2]
    key = keep(mine)
    found = load(key)
    assert info_of(key).copies_together
    assert not info_of(keep(own(12))).copies_together
    parts = [
        {image.numpy().tobytes() for image in part.images}
        for part in (found.train, found.validation, found.test)
    ]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 24 - 6


def test_a_set_of_an_older_version_is_divided_as_it_was(folder):
    key = keep(own())
    about = folder / "own" / key[4:] / "about.json"
    facts = json.loads(about.read_text())
    for word in ("copies_together", "given_test"):
        del facts[word]
    about.write_text(json.dumps(facts))
    info = info_of(key)
    assert (info.train, info.validation, info.test, info.copies_together) == (28, 6, 6, False)
    # Named and divided by the version before, of the same images.
    assert key == "own:68c0865475f9-2"
    first = load(key).train
    assert first.labels[:8].tolist() == [0, 1, 1, 1, 1, 1, 0, 0]


def test_a_network_learns_them_and_names_them():
    key = keep(own(40))
    spec = replace(DEFAULT, data=key, num_epochs=3, batch_size=8)
    assert check(spec).problem is None
    assert lay_out(spec).num_classes == 2
    trainer = Trainer(spec, load(key))
    *_, tested = trainer.fit()
    assert tested.correct == tested.total == 12
    image = load(key).test.images[:1]
    chances = probabilities(spec, trainer.weights(), image)
    assert chances.shape == (2,)
    assert int(chances.argmax()) == int(load(key).test.labels[0])


def test_a_batch_larger_than_the_images_is_refused_with_a_way_out():
    key = keep(own(5))
    problem = check(replace(DEFAULT, data=key, batch_size=64)).problem
    assert problem is not None
    assert any(check(fix.spec).problem is None for fix in problem.fixes)


def test_the_preview_shows_each_class():
    images, labels = preview(keep(own()))
    assert labels.tolist() == [0, 1]
    assert images[1, 12, 9] == 255


def test_an_address_holds_a_data_set_that_is_here_and_mends_one_that_is_not():
    spec = RunSpec(data=keep(own()))
    assert from_query(to_query(spec), DEFAULT) == (spec, [])
    assert from_json(to_json(spec)) == spec
    found, mended = from_query(to_query(RunSpec(data=UNKNOWN)), DEFAULT)
    assert found.data == "embedded"
    assert len(mended) == 1
    assert "does not have" in mended[0]
    assert UNKNOWN in mended[0]


@pytest.mark.parametrize(
    "key",
    [
        "own:",
        "own:../../etc-2",
        "own:0123456789ab",
        "own:0123456789ab-1",
        "own:0123456789ab-51",
        "own:0123456789AB-3",
        "own:0123456789ab-3\n",
        "own:0123456789ab-٣",
        " own:0123456789ab-3",
    ],
)
def test_a_name_of_another_form_is_no_name(key):
    assert not is_own(key)
    with pytest.raises(SpecError, match="data must be one of"):
        RunSpec(data=key)
    assert from_query({"data": key}, DEFAULT)[0].data == "embedded"
    with pytest.raises(DataError):
        load(key)


def test_what_was_never_here_still_tells_its_classes():
    spec = RunSpec(data=UNKNOWN)
    assert lay_out(spec).num_classes == 3
    assert class_names_of(UNKNOWN) == ("class 1", "class 2", "class 3")
    assert not is_known(UNKNOWN)
    assert not is_available(UNKNOWN)
    with pytest.raises(DataError, match="no longer on this computer"):
        load(UNKNOWN)


def test_deleted_images_are_gone_but_their_runs_still_draw():
    key = keep(own())
    load(key)
    before = info_of(key)
    delete(key)
    delete(key)
    assert not is_available(key)
    assert own_keys() == ()
    assert info_of(key) == before
    assert title_of(key) == "mine (its images were deleted)"
    assert short_title_of(key) == "mine"
    with pytest.raises(DataError, match="“mine” are no longer on this computer"):
        load(key)
    spec = RunSpec(data=key)
    chances = probabilities(spec, build(spec).state_dict(), torch.zeros(1, 1, 28, 28).byte())
    assert chances.sum() == pytest.approx(1)
    assert keep(own()) == key  # and they can be brought in again
    assert is_available(key)
    assert len(load(key).train) == 28


def test_damaged_images_are_told_and_a_damaged_description_does_not_matter():
    key = keep(own())
    path = images_path(key)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"“mine”.*damaged"):
        load(key)
    about = path.with_name("about.json")
    broken = about.read_text().replace("left", "x\\")
    for text in ("", "[]", json.dumps({"class_names": 3}), broken):
        about.write_text(text)
        assert len(class_names_of(key)) == 2


def test_a_full_disk_leaves_nothing_behind(folder, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        keep(own())
    assert list((folder / "own").iterdir()) == []
