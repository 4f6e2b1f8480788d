"""The loss with and without the step that the printed loop lacks."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from core.article.falling import BATCH_SIZE, fall
from core.article.little import batches, drawn
from core.article.printed import MENDED
from core.data.loading import load

STEPS = 14


@pytest.fixture(scope="module")
def losses(data_home):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NETSKETCH_DATA", data_home)
        return list(fall(STEPS))


def test_both_begin_alike(losses):
    assert [one.step for one in losses] == list(range(1, STEPS + 1))
    assert losses[0].printed == pytest.approx(losses[0].mended)


def test_as_printed_no_weight_ever_changes(losses):
    spec = replace(MENDED, batch_size=BATCH_SIZE)
    first = drawn(spec)
    with torch.inference_mode():
        expected = [
            float(F.cross_entropy(first(x), y))
            for x, y in batches(spec, load("embedded").train, STEPS)
        ]
    assert [one.printed for one in losses] == pytest.approx(expected)


def test_mended_it_is_what_adam_makes_of_the_same_batches(losses):
    spec = replace(MENDED, batch_size=BATCH_SIZE)
    model = drawn(spec)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    expected = []
    for x, y in batches(spec, load("embedded").train, 5):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        expected.append(float(loss.detach()))
    assert [one.mended for one in losses[:5]] == pytest.approx(expected, rel=1e-3)


def test_only_the_mended_one_learns(losses):
    assert losses[-1].mended < losses[-1].printed - 0.03
    assert abs(losses[-1].printed - losses[0].printed) < 0.05


def test_a_run_that_trains_meanwhile_keeps_its_randomness():
    before = torch.get_rng_state()
    next(fall(1))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == 1
