import math
from dataclasses import replace

import pytest
import torch

from core.data.loading import load
from core.spec import BlockSpec, RunSpec
from core.spec.codec import from_query, to_query
from core.spec.presets import DEFAULT
from core.training import trainer as trainer_module
from core.training.augmentation import Augmenter, augments, basis, moved, preview, warp
from core.training.batches import normalise
from core.training.events import Epoch
from core.training.events import Tested as Figures
from core.training.trainer import Trainer

ALL = {"shift": 2, "rotation": 10, "scale": 0.1, "elastic": 1.0}
EACH = [{name: value} for name, value in ALL.items()]
TINY = RunSpec(
    blocks=(BlockSpec(channels=4, norm="batch"),), batch_size=16, num_epochs=2, device="cpu"
)


@pytest.fixture(scope="module")
def digits() -> torch.Tensor:
    """A hundred real digits."""
    return load("embedded").train.images[:100]


def warped(pixels, *, right=0.0, down=0.0, degrees=0.0, size=1.0, bends=None):
    """Warp every image alike."""
    count = len(pixels)
    shift = torch.tensor([[right], [down]]).expand(2, count)
    angle = torch.full((count,), math.radians(degrees))
    functions = basis() if bends is not None else basis()[:3]
    return warp(pixels.float(), functions, shift, angle, torch.full((count,), size), bends)


def by_hand(image, right, down):
    """Move one image by whole pixels, a pixel at a time."""
    result = torch.zeros_like(image)
    for y in range(28):
        for x in range(28):
            if 0 <= y - down < 28 and 0 <= x - right < 28:
                result[0, y, x] = image[0, y - down, x - right]
    return result


def centre_of_mass(image):
    places = torch.arange(28.0)
    total = image.sum()
    return float((image.sum(-2) * places).sum() / total), float(
        (image.sum(-1) * places).sum() / total
    )


@pytest.mark.parametrize(("right", "down"), [(0, 0), (3, 0), (0, 3), (-8, 5), (8, -8)])
def test_a_shift_moves_by_whole_pixels_and_brings_in_black(digits, right, down):
    expected = torch.stack([by_hand(image, right, down) for image in digits[:5]])
    shift = torch.tensor([[right], [down]]).expand(2, 5)
    assert torch.equal(moved(digits[:5], shift, 8), expected)
    # Warping does the same but for rounding.
    found = warped(digits[:5], right=float(right), down=float(down))
    torch.testing.assert_close(found, expected.float(), rtol=0, atol=0.01)


def test_each_image_moves_its_own_way(digits):
    shift = torch.stack([torch.arange(-4, 5), torch.arange(4, -5, -1)])
    found = moved(digits[:9], shift, 4)
    for i, (right, down) in enumerate(shift.T.tolist()):
        assert torch.equal(found[i], by_hand(digits[i], right, down))


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_are_exact_and_counterclockwise(digits, quarters):
    found = warped(digits, degrees=90.0 * quarters)
    expected = torch.rot90(digits.float(), quarters, (2, 3))
    torch.testing.assert_close(found, expected, rtol=0, atol=0.01)


def test_a_turned_digit_is_moved_as_far_as_one_that_is_not(digits):
    found = warped(digits, degrees=90.0, right=2.0, down=-3.0)
    turned = torch.rot90(digits, 1, (2, 3))
    expected = torch.stack([by_hand(image, 2, -3) for image in turned])
    torch.testing.assert_close(found, expected.float(), rtol=0, atol=0.01)


def test_a_size_of_2_doubles_every_distance_from_the_centre():
    image = torch.zeros(1, 1, 28, 28)
    image[0, 0, 12:16, 12:16] = 255
    # Between the dark rim and the bright square there is half a pixel of grey on each side.
    assert warped(image, size=2.0).sum() / image.sum() == pytest.approx(4, rel=0.02)
    assert warped(image, size=0.5).sum() / image.sum() == pytest.approx(1 / 4, rel=0.02)
    spot = torch.zeros(1, 1, 28, 28)
    spot[0, 0, 16:18, 15:17] = 255
    x, y = centre_of_mass(warped(spot, size=2.0)[0, 0])
    assert (x, y) == (pytest.approx(13.5 + 2 * 2), pytest.approx(13.5 + 2 * 3))


def test_a_size_of_one_half_puts_four_pixels_into_one_place():
    """Against the same reading written for one pixel: the place between four of the original."""
    image = torch.rand(1, 1, 28, 28) * 255
    found = warped(image, size=0.5)[0, 0]
    for y, x in [(13, 13), (10, 17), (20, 8)]:
        old_y, old_x = 13.5 + 2 * (y - 13.5), 13.5 + 2 * (x - 13.5)
        top, left = math.floor(old_y), math.floor(old_x)
        expected = image[0, 0, top : top + 2, left : left + 2].mean()
        assert found[y, x].item() == pytest.approx(expected.item(), abs=0.01)


def displacements(bends):
    """How far every pixel was moved, in pixels, read from images whose grey is their place."""
    count = len(bends)
    at = torch.arange(28.0)
    across, down = at.expand(28, 28), at[:, None].expand(28, 28)
    # The rim is black, so it stays out of what is read.
    x = warped(across.expand(count, 1, 28, 28), bends=bends)[:, 0] - across
    y = warped(down.expand(count, 1, 28, 28), bends=bends)[:, 0] - down
    return torch.hypot(x, y)[:, 6:22, 6:22], x[:, 6:22, 6:22], y[:, 6:22, 6:22]


def test_bends_move_pixels_as_far_as_asked_on_average():
    augmenter = Augmenter(RunSpec(elastic=1.0), "cpu", seed=3)
    at = torch.arange(28.0)
    across = at.expand(2000, 1, 28, 28)
    state = augmenter.generator.get_state()
    x = augmenter(across) - across
    augmenter.generator.set_state(state)
    y = augmenter(across.mT) - across.mT
    far = torch.hypot(x, y)[:, 0, 6:22, 6:22]
    assert far.mean().item() == pytest.approx(1.0, rel=0.03)
    # Every place is bent alike, and in no favoured direction.
    assert far.mean(0).std() < 0.05
    assert x[..., 6:22, 6:22].mean().abs() < 0.05
    assert (x * y)[..., 6:22, 6:22].mean().abs() < 0.05


def test_bends_are_smooth_and_reach_the_rim():
    functions = basis()[3:] * 13.5
    spread = functions.square().sum(0).sqrt()
    torch.testing.assert_close(spread, torch.ones(784))
    fields = (torch.randn(500, 64) @ functions).view(500, 28, 28)
    neighbours = (fields[:, :, 1:] * fields[:, :, :-1]).mean() / fields.square().mean()
    strangers = (fields[:, :, 20:] * fields[:, :, :-20]).mean() / fields.square().mean()
    # Noise smoothed by a Gaussian of 4 pixels goes together as exp(-distance² / 64).
    assert neighbours.item() == pytest.approx(math.exp(-1 / 64), abs=0.01)
    assert strangers.abs() < 0.05
    six_apart = (fields[:, 6:] * fields[:, :-6]).mean() / fields.square().mean()
    assert six_apart.item() == pytest.approx(math.exp(-36 / 64), abs=0.05)


def test_one_bend_moves_what_is_near_it_and_nothing_far_away():
    bends = torch.zeros(1, 2, 64)
    bends[0, 0, 9] = 2.0  # the bump in the second row and column of the lattice
    far, x, y = displacements(bends)
    assert x[0, 0, 0] > 0.3
    assert y.abs().max() < 0.01
    assert far[0, -1, -1] < 0.01


@pytest.mark.parametrize("change", [*EACH, ALL])
@pytest.mark.parametrize("count", [1, 7, 100])
def test_any_number_of_images_keeps_shape_and_range(digits, change, count):
    spec = RunSpec(**change)
    found = Augmenter(spec, "cpu", 0)(digits[:count])
    assert (found.shape, found.dtype) == ((count, 1, 28, 28), torch.float32)
    assert found.min() >= 0
    assert found.max() <= 255.001
    assert digits.dtype == torch.uint8
    assert not torch.equal(found, digits[:count].float())
    from_floats = Augmenter(spec, "cpu", 0)(digits[:count].float())
    assert torch.equal(found, from_floats)


def test_the_images_that_are_changed_stay_as_they_were(digits):
    before, floats = digits.clone(), digits.float()
    Augmenter(RunSpec(**ALL), "cpu", 0)(digits)
    Augmenter(RunSpec(**ALL), "cpu", 0)(floats)
    assert torch.equal(digits, before)
    assert torch.equal(floats, before.float())


def test_shifts_are_all_equally_likely_up_to_the_limit():
    spot = torch.zeros(5000, 1, 28, 28, dtype=torch.uint8)
    spot[:, :, 14, 14] = 255
    found = Augmenter(RunSpec(shift=2), "cpu", 0)(spot)
    counts = (found[:, 0] == 255).sum(0)
    assert counts.sum() == 5000  # never lost, never blurred
    assert counts[12:17, 12:17].sum() == 5000
    assert counts[12:17, 12:17].min() > 140
    assert counts[12:17, 12:17].max() < 260


def test_turns_and_sizes_fill_their_ranges():
    # Two spots across the centre: their line shows the angle, their distance the size.
    image = torch.zeros(1000, 1, 28, 28)
    image[..., 13:15, 4:6] = 100
    image[..., 13:15, 22:24] = 200
    found = Augmenter(RunSpec(rotation=20, scale=0.2), "cpu", 0)(image)[:, 0]
    rows, columns = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    right, left = found * (columns > 13.5), found * (columns < 13.5)

    def centre(half, places):
        return (half * places).sum((1, 2)) / half.sum((1, 2))

    x = centre(right, columns) - centre(left, columns)
    y = centre(right, rows) - centre(left, rows)
    degrees, size = torch.rad2deg(torch.atan2(-y, x)), torch.hypot(x, y) / 18
    assert -20.5 < degrees.min() < -19
    assert 19 < degrees.max() < 20.5
    assert degrees.mean().abs() < 1
    assert 0.79 < size.min() < 0.82
    assert 1.18 < size.max() < 1.21
    assert size.mean().item() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("change", [*EACH, ALL])
def test_the_seed_decides_and_every_call_is_new(digits, change):
    spec = RunSpec(**change)
    one, two, other = (Augmenter(spec, "cpu", seed) for seed in (5, 5, 6))
    first, second = one(digits), one(digits)
    assert torch.equal(first, two(digits))
    assert torch.equal(second, two(digits))
    assert not torch.equal(first, second)
    assert not torch.equal(first, other(digits))


def test_a_saved_state_goes_on_bit_for_bit(digits):
    augmenter = Augmenter(RunSpec(**ALL), "cpu", 0)
    augmenter(digits)
    saved = augmenter.generator.get_state()
    expected = [augmenter(digits[:37]), augmenter(digits)]
    resumed = Augmenter(RunSpec(**ALL), "cpu", 99)
    resumed.generator.set_state(saved)
    assert torch.equal(resumed(digits[:37]), expected[0])
    assert torch.equal(resumed(digits), expected[1])


def test_nothing_else_is_random_because_of_it(digits):
    state = torch.get_rng_state()
    Augmenter(RunSpec(**ALL), "cpu", 0)(digits)
    preview(digits, RunSpec(**ALL), 3)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_preview_shows_each_digit_and_its_versions(digits):
    spec = RunSpec(**ALL, seed=4)
    shown = preview(digits[:3], spec, 5)
    assert (shown.shape, shown.dtype) == ((3, 6, 28, 28), torch.uint8)
    assert torch.equal(shown[:, 0], digits[:3, 0])
    assert torch.equal(shown, preview(digits[:3], spec, 5))
    assert not torch.equal(shown, preview(digits[:3], replace(spec, seed=5), 5))
    versions = shown.flatten(2).unique(dim=1)
    assert versions.shape[1] == 6


def test_a_versions_original_stands_before_it(digits):
    shown = preview(digits[:4], RunSpec(rotation=5, scale=0.05), 3).float()
    for i in range(4):
        apart = (shown[i, 1:, None] - shown[None, :, 0]).square().sum((-1, -2))
        assert apart.argmin(1).tolist() == [i] * 3


def test_a_preview_follows_a_slider_smoothly(digits):
    """The same digit turns the same way a little further; it does not jump to another version."""
    mild, more = (preview(digits[:4], RunSpec(rotation=r), 3).float() for r in (10, 11))
    apart = (mild - more).abs().mean()
    another = (mild - preview(digits[:4], RunSpec(rotation=10, seed=1), 3).float()).abs().mean()
    assert 0 < apart < 0.35 * another


def test_without_augmentation_a_preview_shows_copies(digits):
    shown = preview(digits[:2], RunSpec(), 3)
    assert torch.equal(shown, digits[:2].expand(2, 4, 28, 28))


def test_zero_switches_each_off():
    assert not augments(RunSpec())
    assert all(augments(RunSpec(**change)) for change in EACH)


def test_an_address_holds_what_is_on_and_nothing_else():
    assert not set(to_query(RunSpec())) & set(ALL)
    query = to_query(replace(DEFAULT, **ALL))
    assert {name: query[name] for name in ALL} == {
        "shift": "2",
        "rotation": "10",
        "scale": "0.1",
        "elastic": "1.0",
    }
    spec, mended = from_query(query | {"shift": "99", "elastic": "soft"}, DEFAULT)
    assert (spec.shift, spec.elastic) == (8, 0.0)
    assert mended == [
        "Settings: shift must be from 0 to 8 pixels, not 99; 8 used.",
        "Settings: elastic must be a number from 0 to 4 pixels, not “soft”; 0.0 used.",
    ]


def watched(trainer, *, training):
    """Return a list that will hold the images of every training step, or of all the others."""
    seen = []

    def look(module, arguments):
        if module.training is training:
            seen.append(arguments[0].clone())

    trainer.model.get_submodule("conv1").register_forward_pre_hook(look)
    return seen


def trained(spec, digits):
    """Train; return the weights, the events and the images of every training step."""
    trainer = Trainer(spec, digits)
    seen = watched(trainer, training=True)
    events = list(trainer.fit())
    return trainer.weights(), events, seen


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


def test_training_without_augmentation_never_meets_it(make_digits, monkeypatch):
    def none(*arguments):
        raise AssertionError("It was made.")

    monkeypatch.setattr(trainer_module, "Augmenter", none)
    data = make_digits(40)
    _, _, seen = trained(TINY, data)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    expected = (data.train.images[order].float() / 255 - data.mean) / data.std
    torch.testing.assert_close(torch.cat(seen[:3]), expected)
    with pytest.raises(AssertionError, match=r"It was made\."):
        Trainer(replace(TINY, shift=1), data)


@pytest.mark.parametrize("change", [*EACH, ALL])
def test_the_same_seed_gives_the_same_run_whoever_dawdles(make_digits, monkeypatch, change):
    data, spec = make_digits(40), replace(TINY, **change)
    weights, _, seen = trained(spec, data)
    other, _, other_seen = trained(replace(spec, seed=1), data)
    monkeypatch.setattr(trainer_module, "REPORT_S", 0.0)
    slow = Trainer(spec, data)
    for _ in slow.fit():
        slow.weights()
        preview(data.train.images[:2], spec, 2)
    assert same(weights, slow.weights())
    assert not same(weights, other)
    assert not torch.equal(seen[0], other_seen[0])
    plain, _, _ = trained(TINY, data)
    assert not same(weights, plain)


def test_every_epoch_sees_new_images_with_black_around(make_digits):
    data = make_digits(16)
    spec = replace(TINY, shift=8, num_epochs=3)
    _, _, seen = trained(spec, data)
    order = torch.Generator().manual_seed(0)
    in_order = [batch[torch.randperm(16, generator=order).argsort()] for batch in seen]
    assert len(in_order) == 3
    assert not torch.equal(in_order[0], in_order[1])
    assert not torch.equal(in_order[1], in_order[2])
    # These digits have hardly a black pixel; what comes in from outside is as black as can be.
    black = (0 - data.mean) / data.std
    assert in_order[0].min().item() == pytest.approx(black, abs=1e-6)
    share = (in_order[0] < black + 1e-6).float().mean()
    assert 0.1 < share < 0.5


def test_validation_and_test_images_stay_as_they_are(make_digits):
    data = make_digits(40, validation=20, test=30)
    trainer = Trainer(replace(TINY, **ALL), data)
    seen = watched(trainer, training=False)
    events = list(trainer.fit())
    assert len([e for e in events if isinstance(e, Epoch | Figures)]) == len(seen) == 3
    for images, split in zip(seen, (data.validation, data.validation, data.test), strict=True):
        expected = (split.images.float() / 255 - data.mean) / data.std
        torch.testing.assert_close(images, expected)


def test_a_network_that_met_moved_digits_reads_moved_digits():
    """What augmentation is for: the place of a digit stops mattering."""
    data = load("embedded")
    images, labels = data.validation.images, data.validation.labels
    shift = torch.randint(-4, 5, (2, len(images)), generator=torch.Generator().manual_seed(0))
    x = normalise(moved(images, shift, 4), data.mean, data.std)
    block = BlockSpec(channels=8, kernel_size=5, stride=2, pool="none", norm="batch")
    spec = RunSpec(blocks=(block, block), lr=0.01, schedule="one_cycle", num_epochs=4, device="cpu")
    right = {}
    for most in (0, 4):
        trainer = Trainer(replace(spec, shift=most), data)
        list(trainer.fit())
        with torch.inference_mode():
            right[most] = int((trainer.model.eval()(x).argmax(1) == labels).sum())
    assert right[4] > right[0] + 100
