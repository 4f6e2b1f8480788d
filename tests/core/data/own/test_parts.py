"""How a person's images are divided: in shares, as given, and no copies apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.own.parts import TEST, TRAIN, VALIDATION, copies_of, divide, lacking

COUNTS = {
    "fewest": (3, 3),
    "uneven": (3, 200),
    "three classes": (4, 5, 6),
    "fifty classes": (7,) * 50,
}


@pytest.mark.parametrize("counts", COUNTS.values(), ids=COUNTS)
def test_the_split_is_whole_whatever_the_counts(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    parts = divide(labels)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(labels)))
    assert lacking(labels, parts) == ()
    for rows in parts:
        assert set(labels[rows]) == set(range(len(counts)))
    assert all(np.array_equal(a, b) for a, b in zip(parts, divide(labels), strict=True))


def test_without_copies_images_are_divided_as_they_always_were():
    parts = divide(np.repeat([0, 1], [8, 5]))
    assert [rows.tolist() for rows in parts] == [
        [11, 9, 7, 0, 6, 2, 1, 3, 12],
        [5, 8],
        [10, 4],
    ]


def test_a_part_that_is_given_is_that_part_and_the_rest_is_divided():
    labels = np.repeat([0, 1], 20)
    where = np.full(40, TRAIN, np.int8)
    where[[0, 1, 2, 20]] = TEST
    train, validation, test = divide(labels, given=where)
    assert sorted(test.tolist()) == [0, 1, 2, 20]
    assert np.bincount(labels[validation]).tolist() == [3, 3]
    assert len(train) == 30
    where[[30, 31, 5]] = VALIDATION
    train, validation, test = divide(labels, given=where)
    assert sorted(validation.tolist()) == [5, 30, 31]
    assert sorted(test.tolist()) == [0, 1, 2, 20]


def test_a_class_that_a_given_part_lacks_is_held_out_of_what_is_learned():
    labels = np.repeat([0, 1], 20)
    where = np.full(40, TRAIN, np.int8)
    where[:4] = TEST
    _, _, test = divide(labels, given=where)
    assert np.bincount(labels[test]).tolist() == [4, 3]


def test_copies_stay_together_though_a_class_has_no_other_pictures_to_spare():
    labels = np.array([0] * 9 + [1] * 4)
    copies = np.array([0] * 6 + [1, 2, 2] + [3, 4, 5, 0])
    parts = divide(labels, copies)
    assert lacking(labels, parts) == ()
    homes = [set(copies[rows].tolist()) for rows in parts]
    assert sum(map(len, homes)) == 6


def test_images_are_copies_when_every_pixel_is_the_same():
    images = np.zeros((5, 28, 28), np.uint8)
    images[1, 3, 3] = 1
    images[4, 3, 3] = 1
    assert copies_of(images).tolist() == [0, 1, 0, 0, 1]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_copies_are_ever_parted(data):
    count = data.draw(st.integers(1, 60))
    labels = np.array(data.draw(st.lists(st.integers(0, 4), min_size=count, max_size=count)))
    drawn = st.lists(st.integers(0, 30), min_size=count, max_size=count)
    copies = np.unique(data.draw(drawn), return_inverse=True)[1]
    given_parts = st.lists(st.integers(0, 2), min_size=count, max_size=count)
    where = data.draw(st.none() | given_parts.map(lambda parts: np.array(parts, np.int8)))
    parts = divide(labels, copies, where)
    assert sorted(np.concatenate(parts).tolist()) == list(range(count))
    homes = [set(copies[rows].tolist()) for rows in parts]
    assert sum(map(len, homes)) == len(set(copies.tolist()))
    if where is not None:
        # No image leaves a given part but for that of its copies.
        for row in np.flatnonzero(where == TEST).tolist():
            assert row in parts[TEST]
    # A class with three pictures of its own is nowhere missing.
    for label in np.unique(labels).tolist():
        own = set(copies[labels == label]) - set(copies[labels != label])
        if where is None and len(own) >= 3:
            assert label not in lacking(labels, parts)
