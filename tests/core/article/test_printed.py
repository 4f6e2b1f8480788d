"""The printed program's mistakes: what is shown is what PyTorch says to the very same lines."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from core.article.printed import FAULTS, MENDED, features, run, sides
from core.network.model import build


class Article(nn.Module):
    """The article's network in the shape it has on paper, its numbers open."""

    def __init__(self, channels=1, values=128):
        super().__init__()
        self.values = values
        self.conv1 = nn.Conv2d(channels, 64, 3, padding=1)
        self.conv2 = nn.Conv2d(64, 64, 3, padding=1)
        self.conv3 = nn.Conv2d(64, 128, 3, padding=1)
        self.conv4 = nn.Conv2d(128, 128, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(values, 512)
        self.fc2 = nn.Linear(512, 10)

    def forward(self, x):
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4):
            x = self.pool(torch.relu(conv(x)))
        x = x.view(-1, self.values)
        return self.fc2(torch.relu(self.fc1(x)))


def said(action):
    """What PyTorch says when something goes wrong."""
    with pytest.raises((RuntimeError, ValueError)) as caught:
        action()
    return f"{caught.type.__name__}: {caught.value}"


def batch(size):
    return torch.zeros(size, 1, 28, 28), torch.zeros(size, dtype=torch.long)


def test_the_preset_is_the_mended_network():
    article = [tuple(value.shape) for value in Article().parameters()]
    assert [tuple(value.shape) for value in build(MENDED).parameters()] == article
    x, _ = batch(2)
    weights = dict(zip(build(MENDED).state_dict(), Article().state_dict().values(), strict=True))
    mended, printed = build(MENDED), Article()
    mended.load_state_dict(weights)
    printed.load_state_dict(dict(zip(printed.state_dict(), weights.values(), strict=True)))
    torch.testing.assert_close(mended(x + 0.3), printed(x + 0.3))


def test_a_grey_picture_in_a_convolution_for_28_channels():
    x, _ = batch(64)
    assert run("channels", mended=False).error == said(lambda: Article(channels=28)(x))


def test_a_batch_in_one_row():
    x, _ = batch(64)
    assert run("batch", mended=False).error == said(lambda: Article()(x.view(-1)))
    # The very first thing that the printed program stumbles over.
    assert run("batch", mended=False).error == said(lambda: Article(28, 8192)(x.view(-1)))


@pytest.mark.parametrize("size", [16, 32, 64, 128])
def test_8_by_8_values_where_one_is_left(size):
    x, y = batch(size)
    found = run("features", mended=False, batch_size=size)
    assert found.error == said(lambda: F.cross_entropy(Article(values=8192)(x), y))
    # 64 pictures of 128 values happen to make one row of 8,192, or 128 of them two.
    assert ("batch_size" in found.error) == (size % 64 == 0)
    assert found.shapes[0] == (size, 128, 1, 1)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("size", [16, 64])
def test_mended_lines_run(fault, size):
    found = run(fault, mended=True, batch_size=size)
    assert found.error == ""
    assert (
        found.shapes
        == {
            "channels": ((size, 1, 28, 28), (size, 64, 28, 28)),
            "batch": ((size, 1, 28, 28), (size, 64, 28, 28)),
            "features": ((size, 128, 1, 1), (size, 128), (size, 10), ()),
        }[fault]
    )


def test_an_error_is_words_and_not_a_traceback():
    for fault in FAULTS:
        error = run(fault, mended=False).error
        assert error.startswith(("RuntimeError: ", "ValueError: "))
        assert "Traceback" not in error
        assert 'File "' not in error


def test_the_sides_are_those_that_pooling_leaves():
    assert sides() == (28, 14, 7, 3, 1)
    for side in (28, 32, 48, 100, 128, 160):
        x = torch.zeros(1, 1, side, side)
        for found in sides(side):
            assert x.shape[2] == found
            x = F.max_pool2d(x, 2) if found > 1 else x
    assert features(sides()[-1]) == 128
    assert features(sides(128)[-1]) == 128 * 8 * 8


def test_nothing_is_drawn_from_the_generators_that_a_run_may_be_using():
    before = torch.get_rng_state()
    for fault in FAULTS:
        run.__wrapped__(fault, mended=False, batch_size=8)
    assert torch.equal(torch.get_rng_state(), before)
