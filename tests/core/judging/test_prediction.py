import pytest
import torch

from core.data.loading import load
from core.judging.prediction import probabilities
from core.network.model import build
from core.spec import BlockSpec, RunSpec
from core.spec.presets import PRESETS


@pytest.mark.parametrize("key", PRESETS)
def test_probabilities_are_the_softmax_of_the_network(key):
    spec = PRESETS[key].spec
    model = build(spec)
    digits = load("embedded")
    image = digits.test.images[:1]
    with torch.no_grad():
        logits = model.eval()((image.float() / 255 - digits.mean) / digits.std)
    found = probabilities(spec, model.state_dict(), image)
    assert found.shape == (10,)
    torch.testing.assert_close(found, logits.softmax(1)[0], rtol=1e-4, atol=1e-6)


def test_weights_and_digit_are_left_as_they_were():
    spec = PRESETS["small"].spec
    weights = {name: value.clone() for name, value in build(spec).state_dict().items()}
    before = {name: value.clone() for name, value in weights.items()}
    digit = torch.full((1, 1, 28, 28), 7, dtype=torch.uint8)
    probabilities(spec, weights, digit)
    assert all(torch.equal(weights[name], before[name]) for name in before)
    assert all(type(value) is torch.Tensor for value in weights.values())
    assert int(digit.min()) == int(digit.max()) == 7


def test_dropout_does_not_make_the_answer_shake():
    spec = RunSpec(blocks=(BlockSpec(channels=4, dropout=0.9, norm="batch"),))
    weights = build(spec).state_dict()
    digit = torch.randint(0, 256, (1, 1, 28, 28), dtype=torch.uint8)
    first = probabilities(spec, weights, digit)
    assert all(torch.equal(first, probabilities(spec, weights, digit)) for _ in range(5))


def test_an_answer_draws_no_random_numbers():
    """A drawing must not change a run that trains meanwhile."""
    spec = PRESETS["article"].spec
    weights = build(spec).state_dict()
    before = torch.get_rng_state()
    probabilities(spec, weights, torch.zeros(1, 1, 28, 28, dtype=torch.uint8))
    assert torch.equal(before, torch.get_rng_state())


def test_an_answer_takes_one_core():
    torch.set_num_threads(2)
    spec = PRESETS["small"].spec
    probabilities(spec, build(spec).state_dict(), torch.zeros(1, 1, 28, 28, dtype=torch.uint8))
    assert torch.get_num_threads() == 1


def test_weights_of_another_network_are_refused():
    weights = build(PRESETS["small"].spec).state_dict()
    digit = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    with pytest.raises(RuntimeError, match="Missing key"):
        probabilities(PRESETS["article"].spec, weights, digit)
