"""Folds: who is held back when, what came out, and the verdict over two of them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.model_selection import StratifiedGroupKFold

from core.data.loading import load
from core.data.own.kept import OwnImages, keep
from core.judging.fold_verdict import FoldResults, comparable, fold_results, fold_verdict
from core.judging.sureness import validation_of
from core.spec import RunSpec
from core.spec.presets import DEFAULT
from core.take_home.lesson_folds import division_code
from core.training.cross_validation import CrossValidation
from core.training.events import Epoch
from core.training.folds import fold_data, fold_rows, folds_of
from core.training.length import length_of, length_over
from core.words.errors import UserError


@given(
    folds=st.integers(2, 10),
    counts=st.lists(st.integers(10, 40), min_size=2, max_size=6),
    seed=st.integers(0, 999),
)
def test_folds_are_disjoint_stratified_and_cover_all(folds, counts, seed):
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    labels = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))]
    rows = fold_rows(labels, folds, seed)
    assert sorted(np.concatenate(rows)) == list(range(len(labels)))
    sizes = [len(held) for held in rows]
    assert max(sizes) - min(sizes) <= 1
    for held in rows:
        shares = torch.bincount(labels[torch.from_numpy(held)], minlength=len(counts)).tolist()
        # A class of so many is dealt out as evenly as whole images allow.
        assert all(abs(n - count / folds) < 2 for n, count in zip(shares, counts, strict=True))


def test_the_seed_alone_decides_who_is_held_back():
    labels = torch.arange(100) % 10
    once, again = fold_rows(labels, 5, 3), fold_rows(labels, 5, 3)
    assert all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))
    other = fold_rows(labels, 5, 4)
    assert not all(np.array_equal(a, b) for a, b in zip(once, other, strict=True))


def test_a_class_with_fewer_images_than_folds_is_refused_with_both_numbers():
    labels = torch.tensor([0] * 50 + [1] * 4)
    with pytest.raises(UserError, match="needs 5 images of each class, and one class has 4"):
        fold_rows(labels, 5, 0)


@pytest.mark.parametrize("folds", range(2, 11))
def test_the_embedded_digits_are_divided_and_never_tested_on(folds):
    data = load("embedded")
    spec = RunSpec(folds=folds)
    labels = torch.cat([data.train.labels, data.validation.labels])
    images = torch.cat([data.train.images, data.validation.images])
    rows = fold_rows(labels, folds, spec.seed)
    course = length_of(spec)
    for fold in range(folds):
        part = fold_data(data, spec, rows, fold)
        assert torch.equal(part.validation.images, images[rows[fold]])
        assert len(part.train) == course.train
        assert len(part.validation) in (course.validation, course.validation - 1)
        # An image is learned from or held back, never both, and hardly any is neither.
        assert len(part.train) + len(part.validation) >= len(labels) - 1
        shares = torch.bincount(part.validation.labels) / len(part.validation)
        assert torch.allclose(shares, torch.full((10,), 0.1), atol=0.01)
        assert torch.equal(part.test.images, data.test.images)


def test_no_image_is_learned_from_and_held_back(make_digits):
    data = make_digits(100)
    everyone = torch.cat([data.train.images, data.validation.images]).clone()
    everyone[:, 0, 0, 0] = torch.arange(len(everyone), dtype=torch.uint8)
    part = replace(data.train, images=everyone[:100])
    rest = replace(data.validation, images=everyone[100:])
    marked = replace(data, train=part, validation=rest)
    spec = RunSpec(folds=3)
    labels = torch.cat([data.train.labels, data.validation.labels])
    rows = fold_rows(labels, 3, 0)
    for fold in range(3):
        found = fold_data(marked, spec, rows, fold)
        learned = set(found.train.images[:, 0, 0, 0].tolist())
        held = set(found.validation.images[:, 0, 0, 0].tolist())
        assert not learned & held
        assert held == set(rows[fold].tolist())


def test_every_fold_is_as_long_and_a_run_without_folds_as_long_as_ever():
    plain = length_over(RunSpec(batch_size=32, num_epochs=3), 100, 20)
    assert (plain.num_steps, plain.num_epochs, plain.train, plain.validation) == (12, 3, 100, 20)
    folded = length_over(RunSpec(batch_size=32, num_epochs=3, folds=7), 100, 20)
    assert (folded.train, folded.validation) == (102, 18)
    assert (folded.steps_per_epoch, folded.num_epochs, folded.num_steps) == (4, 21, 84)


def epoch(number, accuracy):
    return Epoch(
        epoch=number,
        step=number,
        train_loss=1.0,
        train_accuracy=0.5,
        val_loss=1.0,
        val_accuracy=accuracy,
    )


def test_a_fold_counts_by_its_last_epoch():
    spec = RunSpec(folds=3, num_epochs=2)
    told = [epoch(i + 1, accuracy) for i, accuracy in enumerate([0.1, 0.8, 0.2, 0.9, 0.3])]
    found = fold_results(spec, told)
    assert found.accuracies == (0.8, 0.9)
    assert found.mean == pytest.approx(0.85)
    assert found.deviation == pytest.approx(np.std([0.8, 0.9], ddof=1))
    nothing = fold_results(spec, told[:1])
    assert (nothing.accuracies, nothing.mean, nothing.deviation) == ((), None, None)
    assert fold_results(spec, told[:2]).deviation is None


def results(*accuracies, folds=None):
    return FoldResults(folds=folds or len(accuracies), accuracies=accuracies, train=800, held=200)


def test_the_verdict_is_the_corrected_t_test():
    first, second = [0.97, 0.98, 0.965, 0.985, 0.975], [0.955, 0.955, 0.95, 0.965, 0.95]
    found = fold_verdict(results(*first), results(*second), ("A", "B"))
    apart = np.subtract(first, second)
    t = apart.mean() / np.sqrt((1 / 5 + 200 / 800) * apart.var(ddof=1))
    assert found.chance == pytest.approx(2 * stats.t.sf(abs(t), 4))
    assert (found.won, found.lost, found.better) == (5, 0, "A")
    assert found.headline.startswith("A is better")
    assert "5 of 5 folds" in found.reason
    other = fold_verdict(results(*second), results(*first), ("A", "B"))
    assert (other.better, other.chance) == ("B", pytest.approx(found.chance))


def test_what_differs_by_luck_is_within_noise():
    found = fold_verdict(
        results(0.97, 0.95, 0.98, 0.96), results(0.96, 0.97, 0.96, 0.965), ("A", "B")
    )
    assert found.better is None
    assert found.headline.startswith("Within noise")


def test_the_same_everywhere_is_no_difference():
    same = results(0.97, 0.95, 0.98)
    found = fold_verdict(same, same, ("A", "B"))
    assert (found.chance, found.better) == (1.0, None)


def test_there_is_no_verdict_before_both_are_complete():
    whole, part = results(0.9, 0.9, 0.9), results(0.9, 0.8, folds=3)
    assert fold_verdict(whole, part, ("A", "B")) is None


def test_only_the_same_folds_can_be_compared():
    spec = RunSpec(folds=5)
    assert comparable(spec, replace(spec, lr=0.5))
    for other in ({"folds": 4}, {"folds": 0}, {"seed": 1}, {"data": "mnist"}):
        assert not comparable(spec, replace(spec, **other))
    assert not comparable(RunSpec(), RunSpec())


def test_copies_of_a_picture_are_never_learned_from_and_held_back(tmp_path, monkeypatch):
    monkeypatch.setenv("NETSKETCH_DATA", str(tmp_path))
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (60, 28, 28), dtype=np.uint8)
    images[1:9] = images[0]
    images[31:40:2] = images[30:39:2]
    mine = OwnImages("mine", ("a", "b"), images, np.repeat([0, 1], 30))
    data = load(keep(mine))
    spec = replace(DEFAULT, data=data.key, folds=5, batch_size=8)
    rows = folds_of(data, spec)
    assert sorted(np.concatenate(rows)) == list(range(len(data.train) + len(data.validation)))
    for fold in range(5):
        part = fold_data(data, spec, rows, fold)
        learned, held = (
            {image.numpy().tobytes() for image in one.images}
            for one in (part.train, part.validation)
        )
        assert not learned & held
        assert len(part.train) == length_of(spec).train
    names: dict[str, object] = {
        "np": np,
        "torch": torch,
        "SEED": spec.seed,
        "StratifiedGroupKFold": StratifiedGroupKFold,
        **{f"train_{what}": getattr(data.train, what) for what in ("images", "labels")},
        **{f"validation_{what}": getattr(data.validation, what) for what in ("images", "labels")},
    }
    exec(division_code(spec), names)
    for (_, held), mine_held in zip(names["folds"], rows, strict=True):
        assert held.tolist() == mine_held.tolist()
    with pytest.raises(UserError, match="needs 5 images of each class, and one class has 2"):
        fold_rows(torch.tensor([0] * 9 + [1] * 9), 5, 0, np.array([*range(9), *[20] * 8, 21]))


def test_images_are_divided_once_for_all_who_ask(make_digits, monkeypatch):
    """Where copies are kept together, dividing them anew would take seconds each time."""
    data = replace(make_digits(60, validation=20), copies_together=True)
    spec = RunSpec(data="embedded", folds=3, seed=4)
    asked: list[tuple[int, int]] = []

    def divide(labels, folds, seed, *copies):
        asked.append((folds, seed))
        return fold_rows(labels, folds, seed, *copies)

    monkeypatch.setattr("core.training.folds.fold_rows", divide)
    monkeypatch.setattr("core.judging.sureness.load", lambda key: data)
    rows = folds_of(data, spec)
    held = [validation_of(spec, fold) for fold in range(3)]
    learned = CrossValidation(replace(spec, batch_size=8, device="cpu"), data)
    assert asked == [(3, 4)]
    whole = torch.cat([data.train.labels, data.validation.labels])
    for found, wanted in zip(held, rows, strict=True):
        assert torch.equal(found.labels, whole[wanted])
    assert learned.model is not None
    folds_of(data, replace(spec, seed=5))
    folds_of(data, replace(spec, folds=4))
    folds_of(replace(data), spec)  # as it has been read anew
    assert asked == [(3, 4), (3, 5), (4, 4), (3, 4)]
    for seed in range(20):
        folds_of(data, replace(spec, seed=seed))
    folds_of(data, spec)  # too many have come since
    assert asked[-1] == (3, 4)
