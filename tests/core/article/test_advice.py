"""The advice: which networks are compared, and how a person's pairs are found again."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from core.article.advice import ADVICE, missing, outcome, pairs_of
from core.data.loading import load
from core.spec.difference import differences
from core.training.check import check

KERNELS, DEPTH, ADAM = ADVICE


class Made:
    """A run as far as a comparison looks at it."""

    def __init__(self, spec, status="finished", owner="me", wrong=(), lr_changes=()):
        self.spec, self.status, self.owner = spec, status, owner
        self._wrong, self._lr_changes = list(wrong), lr_changes

    def record(self):
        return SimpleNamespace(lr_changes=self._lr_changes)

    def logits(self):
        if self.status == "failed":
            return None
        said = load("embedded").test.labels.clone()
        said[self._wrong] = (said[self._wrong] + 1) % 10
        return torch.eye(10)[said]


def test_every_network_of_the_advice_can_be_trained():
    for advice in ADVICE:
        assert advice.first != advice.second
        for spec in advice.with_seed(3):
            assert check(spec).problem is None
            assert (spec.data, spec.seed) == ("embedded", 3)


def test_only_the_optimizer_is_a_fair_duel():
    counts = [len(differences((advice.first, advice.second))) for advice in ADVICE]
    assert [count == 1 for count in counts] == [False, False, True]
    (found,) = differences((ADAM.first, ADAM.second))
    assert found.path == "optimizer"
    assert {found.path for found in differences((KERNELS.first, KERNELS.second))} == {
        "blocks.0.kernel_size",
        "blocks.1.kernel_size",
    }
    assert len(DEPTH.second.blocks) == 2 * len(DEPTH.first.blocks)


def test_pairs_are_found_by_their_networks_owner_and_seed():
    first, second = KERNELS.with_seed(0)
    other_first, other_second = KERNELS.with_seed(1)
    known = [
        Made(other_second),
        Made(other_first),
        Made(second, owner="somebody else"),
        Made(second),
        Made(first),
        Made(DEPTH.second),
    ]
    assert pairs_of(KERNELS, known, "me") == ((known[1], known[0]), (known[4], known[3]))
    assert pairs_of(DEPTH, known, "me") == ((known[4], known[5]),)
    assert pairs_of(ADAM, known, "me") == ()
    assert pairs_of(KERNELS, known, "somebody else") == ()


def test_the_newest_that_came_to_its_end_counts():
    first, second = KERNELS.with_seed(0)
    newest, stopped, ended, older = (
        Made(first, status) for status in ("queued", "stopped", "finished", "finished")
    )
    mate = Made(second)
    assert pairs_of(KERNELS, [newest, stopped, ended, older, mate], "me") == ((ended, mate),)
    assert pairs_of(KERNELS, [newest, stopped, mate], "me") == ((newest, mate),)
    running = Made(first, "running")
    assert pairs_of(KERNELS, [newest, running, mate], "me") == ((running, mate),)


def test_a_run_whose_rate_was_changed_on_the_way_is_not_compared():
    first, second = KERNELS.with_seed(0)
    known = [Made(first, lr_changes=((10, 0.1),)), Made(second)]
    assert pairs_of(KERNELS, known, "me") == ()
    assert missing(KERNELS, 0, known, "me") == (first,)


def test_only_what_is_missing_is_trained():
    first, second = KERNELS.with_seed(0)
    assert missing(KERNELS, 0, [], "me") == (first, second)
    assert missing(KERNELS, 0, [Made(first)], "me") == (second,)
    assert missing(KERNELS, 0, [Made(first, "running"), Made(second, "queued")], "me") == ()
    assert missing(KERNELS, 0, [Made(first, "stopped"), Made(second)], "me") == (first,)
    assert missing(KERNELS, 1, [Made(first), Made(second)], "me") == KERNELS.with_seed(1)


def test_the_outcome_is_told_by_the_test_images():
    first, second = KERNELS.with_seed(0)
    found = outcome((Made(first, wrong=range(60)), Made(second, wrong=range(50, 58))))
    assert found is not None
    assert (found.first, found.second, found.total) == ("A", "B", 500)
    assert (found.only_first, found.only_second) == (0, 52)
    assert found.better == "B"


@pytest.mark.parametrize("status", ["queued", "running", "failed"])
def test_there_is_no_outcome_before_both_have_been_tested(status):
    first, second = KERNELS.with_seed(0)
    assert outcome((Made(first), Made(second, status))) is None


def test_seeds_change_nothing_else():
    first, _ = ADAM.with_seed(9)
    assert replace(first, seed=ADAM.first.seed) == ADAM.first
