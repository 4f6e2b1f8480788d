"""A network is shown images as those were prepared that it learned from."""

import io
import json
from contextlib import redirect_stdout
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from core.data.catalogue import info_of
from core.data.intake.zip_file import read_zip
from core.data.loading import Split, load
from core.data.own.kept import OwnImages, images_path, keep, levels
from core.data.preparation import from_ink, from_picture, on_its_ground
from core.drawing.centring import digit_from_ink
from core.judging.prediction import probabilities
from core.machine.device import Device, take_one_core
from core.questions.other_data import measure
from core.spec import RunSpec
from core.spec.presets import DEFAULT
from core.take_home.lesson import lesson
from core.take_home.onnx_graph import graph
from core.take_home.report import report
from core.take_home.weights import loader
from core.training.augmentation import Augmenter, preview
from core.training.trainer import Trainer
from tests.core.data.intake.pictures import shapes, zipped
from tests.core.data.intake.test_common import result
from tests.core.take_home.conftest import untrained

GROUNDS = [(0, 255), (245, 20)]
SPEC = replace(DEFAULT, batch_size=8, num_epochs=4, shift=0, rotation=0, scale=0.0, elastic=0.0)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NETSKETCH_DATA", str(tmp_path / "data"))


def marked(side: str, paper: int, ink: int, row: int) -> bytes:
    """A picture with a blot at its left or right edge."""
    pixels = np.full((56, 56), paper, np.uint8)
    left = 3 if side == "left" else 44
    pixels[row : row + 14, left : left + 9] = ink
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def sides(paper: int, ink: int) -> str:
    """Keep pictures of two sides; return their key."""
    files = {
        f"{side}/{row}.png": marked(side, paper, ink, row)
        for side in ("left", "right")
        for row in range(1, 41, 2)
    }
    return keep(result(read_zip(zipped(files), "sides.zip", "as_is")).own)


def drawn_at(x: float) -> np.ndarray:
    """Ink on a canvas: a short stroke."""
    ink = np.zeros((340, 340), np.uint8)
    ink[130:210, int(x) : int(x) + 20] = 255
    return ink


def learned(key: str) -> tuple[RunSpec, dict[str, torch.Tensor]]:
    take_one_core()
    spec = replace(SPEC, data=key)
    trainer = Trainer(spec, load(key))
    for _ in trainer.fit():
        pass
    return spec, trainer.weights()


@pytest.mark.parametrize(("paper", "ink"), GROUNDS, ids=["dark ground", "light ground"])
def test_what_is_drawn_at_the_left_edge_is_answered_left(paper, ink):
    key = sides(paper, ink)
    info = info_of(key)
    assert (info.preparation, info.paper, info.ink) == ("as_is", paper, ink)
    spec, weights = learned(key)
    for x, side in ((20, "left"), (300, "right")):
        image = from_ink(drawn_at(x), info)
        assert abs(int(image[0, 0, 0, 14]) - paper) < 2
        chances = probabilities(spec, weights, image)
        assert info.class_names[int(chances.argmax())] == side
        assert chances.max() > 0.9
        picture = from_picture(marked(side, paper, ink, 20), info)
        assert info.class_names[int(probabilities(spec, weights, picture).argmax())] == side


def test_a_centred_data_set_is_shown_centred_drawings():
    info = info_of(keep(result(read_zip(zipped(shapes()), "shapes.zip", "centred")).own))
    assert (info.preparation, info.paper, info.ink) == ("centred", 0, 255)
    left, right = (from_ink(drawn_at(x), info) for x in (20, 300))
    assert torch.equal(left, right)
    assert torch.equal(left, digit_from_ink(drawn_at(20)))


def test_a_data_set_of_before_means_what_it_meant():
    key = sides(245, 20)
    path = images_path(key).with_name("about.json")
    about = json.loads(path.read_text())
    for name in ("preparation", "paper", "ink"):
        del about[name]
    path.write_text(json.dumps(about))
    info = info_of(key)
    assert info.class_names == ("left", "right")
    assert (info.preparation, info.paper, info.ink) == ("centred", 0, 255)
    assert torch.equal(from_ink(drawn_at(20), info), digit_from_ink(drawn_at(20)))


@pytest.mark.parametrize(
    "wrong",
    [{"preparation": "?"}, {"preparation": 3}, {"paper": -1}, {"ink": 256}, {"paper": 7, "ink": 7}],
    ids=["another word", "a number", "below 0", "above 255", "no contrast"],
)
def test_a_damaged_description_is_not_believed(wrong):
    key = sides(245, 20)
    path = images_path(key).with_name("about.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | wrong))
    assert info_of(key).class_names == ("class 1", "class 2")


def test_the_same_pixels_of_another_preparation_are_another_data_set():
    images = np.zeros((6, 28, 28), np.uint8)
    images[:, 4:24, 12:16] = 255
    images[3:, 4:24, 4:8] = 255
    images[range(6), 26, range(6)] = 200  # no two are copies
    own = OwnImages("mine", ("a", "b"), images, np.repeat([0, 1], 3))
    one, other = keep(own), keep(replace(own, preparation="as_is"))
    assert one != other
    assert [info_of(key).preparation for key in (one, other)] == ["centred", "as_is"]


@pytest.mark.parametrize(
    ("paper", "ink"), [(0, 255), (255, 0), (245, 20), (10, 90), (128, 30), (128, 250)]
)
def test_ground_and_ink_are_found_whatever_they_are(paper, ink):
    images = np.full((9, 28, 28), paper, np.uint8)
    images[:, 10:15, 0:6] = ink
    images[8] = 255 - images[8]
    assert levels(images) == (paper, ink)


@pytest.mark.parametrize("grey", [0, 130, 255])
def test_images_of_one_grey_are_drawn_white_on_black(grey):
    assert levels(np.full((5, 28, 28), grey, np.uint8)) == (0, 255)


def test_an_empty_canvas_is_no_image():
    info = info_of(sides(245, 20))
    assert from_ink(np.zeros((340, 340), np.uint8), info) is None
    assert from_ink(np.zeros((0, 0), np.uint8), info) is None


def test_a_thin_faint_stroke_is_as_strong_as_any():
    info = info_of(sides(245, 20))
    ink = np.zeros((340, 340), np.uint8)
    ink[100:240, 30:36] = 90
    assert from_ink(ink, info).min() == info.ink


def test_other_peoples_digits_come_in_the_ink_of_the_networks_own():
    digits = load("embedded")
    rows = torch.arange(600)
    images = 255 - digits.train.images[rows, 0].numpy()
    labels = digits.train.labels[rows].numpy()
    key = keep(OwnImages("dark", tuple("0123456789"), images, labels, preparation="as_is"))
    assert info_of(key).paper == 255
    assert info_of(key).ink < 4
    spec, weights = learned(key)
    test = Split(digits.test.images[:200], digits.test.labels[:200])
    assert result(measure(spec, weights, test, "embedded")).accuracy > 0.8


def test_light_ink_on_black_stays_the_very_same():
    pixels = torch.randint(0, 256, (3, 1, 28, 28), dtype=torch.uint8)
    assert on_its_ground(pixels, info_of("embedded")) is pixels


def test_what_comes_in_from_outside_is_ground():
    key = sides(245, 20)
    spec = replace(SPEC, data=key, shift=4, rotation=10)
    images = load(key).train.images[:4]
    shown = preview(images, spec, 8)
    rims = torch.cat([shown[..., 0], shown[..., -1], shown[..., 0, :], shown[..., -1, :]], -1)
    assert (rims > 200).float().mean() > 0.9
    again = Augmenter(replace(spec, rotation=0), "cpu", 3, paper=245)(images)
    assert set(again.unique().tolist()) <= set(images.float().unique().tolist()) | {245.0}


@pytest.mark.parametrize(
    "changes", [{"shift": 2}, {"rotation": 9, "elastic": 0.5}], ids=["moved", "turned, bent"]
)
def test_the_exported_script_changes_images_in_the_same_way(changes):
    take_one_core()
    key = sides(245, 20)
    spec = replace(SPEC, data=key, num_epochs=1, **changes)
    trainer = Trainer(spec, load(key))
    for _ in trainer.fit():
        pass
    contents = untrained(
        spec, status="finished", device=Device("cpu", cores=1), precision="float32"
    )
    names: dict[str, object] = {}
    with redirect_stdout(io.StringIO()):
        exec("\n\n".join(section.code for section in lesson(contents)), names)
    found = names["net"].state_dict()
    assert all(torch.equal(found[name], value) for name, value in trainer.weights().items())


def test_what_is_taken_home_says_how_to_prepare_an_image():
    spec = replace(SPEC, data=sides(245, 20))
    contents = untrained(spec, status="finished")
    weights = Trainer(spec, load(spec.data)).weights()
    onnx = graph(contents, weights).graph.input[0].doc_string
    read_me = next(section.words for section in lesson(contents) if section.title == "The digits")
    for text in (onnx, read_me, report(contents), " ".join(loader(contents).split())):
        assert "the whole picture as it is, made grey, neither centred nor enlarged" in text
        assert "light ground (about 245 of 255)" in text
        assert "light on dark" not in text
    for text in (report(untrained(SPEC)), loader(untrained(SPEC))):
        assert "as MNIST was" in " ".join(text.split())


def test_the_loaders_example_is_drawn_on_the_networks_ground(tmp_path, monkeypatch):
    spec, weights = learned(sides(245, 20))
    contents = replace(untrained(spec, status="finished"), weights=weights)
    text = loader(contents)
    names: dict[str, object] = {}
    monkeypatch.setattr("safetensors.torch.load_file", lambda name: weights)
    with redirect_stdout(io.StringIO()) as said:
        exec(text, names)
    assert names["stroke"].unique().tolist() == [20, 245]
    assert said.getvalue().startswith("This is “")
