"""Whatever depends on the classes of a data set follows from its entry in the table."""

from dataclasses import replace

import pytest
import torch

from core.data.catalogue import DATASETS, class_names_of, num_classes_of
from core.data.sources import SOURCES
from core.judging.prediction import probabilities
from core.network.layers import lay_out
from core.network.model import build, source
from core.questions.price import price_key
from core.spec import RunSpec
from core.spec.presets import DEFAULT
from core.training.learning import loss_of


@pytest.mark.parametrize("key", DATASETS)
def test_a_network_ends_in_one_output_a_class(key):
    spec = RunSpec(data=key)
    network = lay_out(spec)
    classes = len(DATASETS[key].class_names)
    assert network.num_classes == num_classes_of(key) == classes
    logits = build(spec)(torch.zeros(2, 1, 28, 28))
    assert logits.shape == (2, classes)
    namespace: dict[str, object] = {}
    exec(source(network), namespace)
    assert namespace["logits"].shape == (2, classes)
    for loss in ("cross_entropy", "mse"):
        value = loss_of(replace(spec, loss=loss), logits, torch.tensor([0, classes - 1]))
        assert value.isfinite()


@pytest.mark.parametrize("key", ["embedded", "fashion", "emnist_balanced"])
def test_a_drawing_is_normalised_as_the_training_images_were(key):
    spec = RunSpec(data=key)
    model = build(spec)
    digit = torch.randint(0, 256, (1, 1, 28, 28), dtype=torch.uint8)
    info = DATASETS[key]
    expected = model.eval()((digit / 255 - info.mean) / info.std).softmax(1)[0]
    found = probabilities(spec, model.state_dict(), digit)
    assert torch.allclose(found, expected, atol=1e-5)


def test_names_are_told_apart_and_fit_the_labels():
    for info in DATASETS.values():
        assert len(set(info.class_names)) == len(info.class_names)
        assert all(name.strip() == name and 0 < len(name) <= 12 for name in info.class_names)
        assert info.train % 1 == 0 < info.validation < info.train
        assert 0.1 < info.mean < 0.3 < 2 * info.std
        assert info.source in SOURCES or info.key == "embedded"
    assert len(class_names_of("emnist_letters")) == 26
    assert len(class_names_of("emnist_balanced")) == 47
    assert class_names_of("kmnist")[3] == "つ tsu"


def test_data_sets_of_other_classes_are_priced_apart():
    of = {key: price_key(replace(DEFAULT, data=key)) for key in DATASETS}
    assert of["embedded"] == of["mnist"] == of["fashion"] == of["usps"]
    assert of["embedded"] != of["emnist_letters"] != of["emnist_balanced"]
