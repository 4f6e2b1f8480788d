"""A digit's way forward and back, held against PyTorch used in the plainest way."""

import pytest
import torch
import torch.nn.functional as F

from core.article.digits import picture
from core.article.journey import NUM_OTHERS, RATES, losses_after, stepped, travel
from core.article.little import weights_of
from core.data.loading import load
from core.training.batches import normalise

DIGITS = [(3, 0), (7, 1), (0, 4)]


@pytest.fixture(params=["fresh", "trained"])
def weights(request):
    return weights_of(request.param)


def prepared(images):
    data = load("embedded")
    return normalise(images, data.mean, data.std)


def forward(weights, x):
    """The little network, written out."""
    x = F.conv2d(x, weights["conv1.weight"], weights["conv1.bias"], padding=2)
    first = F.max_pool2d(x.relu(), 2)
    x = F.conv2d(first, weights["conv2.weight"], weights["conv2.bias"], padding=1)
    second = F.max_pool2d(x.relu(), 2)
    return first, second, second.flatten(1) @ weights["out.weight"].T + weights["out.bias"]


def test_a_picture_is_of_its_digit_and_another_one_each_turn():
    data = load("embedded").test
    for digit in range(10):
        first, second = picture(digit), picture(digit, 1)
        assert first.shape == (1, 1, 28, 28)
        assert not torch.equal(first, second)
        place = (data.images == first).flatten(1).all(1).nonzero()[0, 0]
        assert int(data.labels[place]) == digit
    count = int((data.labels == 3).sum())
    assert torch.equal(picture(3, count), picture(3))


@pytest.mark.parametrize(("digit", "turn"), DIGITS)
def test_values_and_gradients_are_autograds(weights, digit, turn):
    image = picture(digit, turn)
    leaves = {name: value.clone().requires_grad_() for name, value in weights.items()}
    x = prepared(image).requires_grad_()
    first, second, logits = forward(leaves, x)
    for value in (first, second, logits):
        value.retain_grad()
    loss = -logits.softmax(1)[0, digit].log()
    loss.backward()

    found = travel(weights, image, digit)
    assert found.loss == pytest.approx(float(loss.detach()), rel=1e-4, abs=1e-6)
    close = {"rtol": 1e-4, "atol": 1e-6}
    torch.testing.assert_close(found.chances, logits.detach().softmax(1)[0], **close)
    torch.testing.assert_close(found.score_gradients, logits.grad[0], **close)
    for stage, value in zip(found.stages, (x, first, second), strict=True):
        torch.testing.assert_close(stage.values, value.detach()[0], **close)
        torch.testing.assert_close(stage.gradients, value.grad[0], **close)
    for name, leaf in leaves.items():
        torch.testing.assert_close(found.weight_gradients[name], leaf.grad, **close)
    for layer, length in found.layer_gradients.items():
        grads = [leaf.grad.flatten() for name, leaf in leaves.items() if name.startswith(layer)]
        assert length == pytest.approx(float(torch.cat(grads).norm()), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(("digit", "turn"), DIGITS)
def test_the_scores_gradient_is_probability_minus_truth(weights, digit, turn):
    found = travel(weights, picture(digit, turn), digit)
    truth = F.one_hot(torch.tensor(digit), 10).float()
    torch.testing.assert_close(found.score_gradients, found.chances - truth)


@pytest.mark.parametrize("lr", [0.0, 0.01, 1.0])
def test_a_step_leads_to_the_loss_that_was_announced(weights, lr):
    image, digit = picture(5), 5
    found = travel(weights, image, digit)
    (after,) = losses_after(weights, found.weight_gradients, [lr], image, digit)
    moved = stepped(weights, found.weight_gradients, lr)
    assert after.own == pytest.approx(travel(moved, image, digit).loss, rel=1e-4, abs=1e-5)
    test = load("embedded").test
    _, _, logits = forward(moved, prepared(test.images[:NUM_OTHERS]))
    others = float(F.cross_entropy(logits, test.labels[:NUM_OTHERS]))
    assert after.others == pytest.approx(others, rel=1e-4)


def test_a_small_step_gains_what_the_slope_promises():
    weights, image = weights_of("fresh"), picture(2)
    found = travel(weights, image, 2)
    lr = 1e-4
    (after,) = losses_after(weights, found.weight_gradients, [lr], image, 2)
    assert (found.loss - after.own) / lr == pytest.approx(found.steepness, rel=0.02)


def test_rates_climb():
    assert list(RATES) == sorted(RATES)
    assert RATES[0] == 0.001
    assert 0.01 in RATES


def test_the_gradient_of_a_pixel_is_what_a_little_more_of_it_does():
    weights, image = weights_of("fresh"), picture(4)
    found = travel(weights, image, 4)
    gradients = found.stages[0].gradients
    place = gradients.abs().flatten().argmax()
    moved = prepared(image).double()
    exact = {name: value.double() for name, value in weights.items()}

    def loss(by):
        x = moved.clone()
        x.view(-1)[place] += by
        return float(F.cross_entropy(forward(exact, x)[2], torch.tensor([4])))

    slope = (loss(1e-4) - loss(-1e-4)) / 2e-4
    assert float(gradients.flatten()[place]) == pytest.approx(slope, rel=0.02)
