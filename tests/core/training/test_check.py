import copy
import re
from collections import Counter
from dataclasses import replace

import psutil
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.machine.device import Device
from core.spec import BlockSpec, DenseSpec, RunSpec, SpecError, place, setting_at, settings
from core.spec.codec import from_dict
from core.spec.presets import PRESETS
from core.spec.settings import Number
from core.training import check as check_module
from core.training import trainer as trainer_module
from core.training.check import check, require_runnable, size_in_words
from core.training.events import Steps
from core.training.trainer import Trainer

GROUPS = {"blocks": BlockSpec, "dense": DenseSpec}
PLACE = re.compile(
    r"^(Recurrent part|Block [1-6]|Dense layer [1-3]|Settings|The configuration)\b.*\.$", re.DOTALL
)


def nest(depth: int) -> object:
    value: object = 1
    for i in range(depth):
        value = [value] if i % 2 else {"blocks": value}
    return value


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.sampled_from([0, -1, 10**9, 7 * 10**9, 10**5000, -(10**400)]),
    st.sampled_from([float("nan"), float("inf"), -float("inf"), 1e300, 0.5, 3.0, 5e-324]),
    st.text(max_size=6),
    st.sampled_from(["sixteen", "relu", "3", "", "<b>x</b>", "a\nb", "x" * 500, "\ud800"]),
    st.sampled_from([[], {}, [[]], [16], {"channels": 16}, nest(50), nest(20_000)]),
)


def table(cls: type, *, wide: bool) -> dict[str, st.SearchStrategy]:
    """Allowed values of every field; without `wide`, such as make a network that trains fast."""

    def values(name: str, record: object) -> st.SearchStrategy:
        match record:
            case Number(whole=True):
                high = record.high if wide else min(record.high, 12)
                return st.integers(int(record.low), int(high))
            case Number():
                return st.floats(record.low, record.high)
        return st.sampled_from(list(getattr(record, "options", (True, False))))

    return {name: values(name, record) for name, record in settings(cls).items()}


def configurations(*, wide: bool) -> st.SearchStrategy[dict]:
    """Nested dicts as a file would hold them; every field may be left out."""

    def some(cls: type) -> st.SearchStrategy[dict]:
        return st.fixed_dictionaries({}, optional=table(cls, wide=wide))

    # A pooling in every block would use up the image before the fifth: give it a rest.
    block = some(BlockSpec) if wide else some(BlockSpec).map(lambda raw: {"pool": "none"} | raw)
    return st.fixed_dictionaries(
        {"blocks": st.lists(block, min_size=1, max_size=6)},
        optional={"dense": st.lists(some(DenseSpec), max_size=3), **table(RunSpec, wide=wide)},
    )


@st.composite
def spoilt(draw: st.DrawFn) -> tuple[object, str]:
    """A valid configuration with one thing made wild, and the place where that is."""
    raw = copy.deepcopy(draw(configurations(wide=False)))
    match draw(st.sampled_from(["value", "part", "key", "group", "count", "setting", "all"])):
        case "value":
            group, i = _some_part(draw, raw)
            raw[group][i][draw(st.sampled_from(list(settings(GROUPS[group]))))] = draw(JUNK)
            return raw, _title(group, i)
        case "part":
            group, i = _some_part(draw, raw)
            raw[group][i] = draw(JUNK)
            return raw, _title(group, i)
        case "key":
            group, i = _some_part(draw, raw)
            raw[group][i][draw(st.text(max_size=5)) + "?"] = draw(JUNK)
            return raw, _title(group, i)
        case "group":
            raw[draw(st.sampled_from(["blocks", "dense"]))] = draw(JUNK)
            return raw, ""
        case "count":
            raw[draw(st.sampled_from(["blocks", "dense"]))] = [{}] * draw(st.integers(4, 5000))
            return raw, ""
        case "setting":
            name = draw(st.sampled_from([*settings(RunSpec), "version", "speed"]))
            raw[name] = draw(JUNK)
            return raw, "The configuration" if name == "version" else place(name)
    return draw(JUNK), ""


def _some_part(draw: st.DrawFn, raw: dict) -> tuple[str, int]:
    group = draw(st.sampled_from([group for group in GROUPS if raw.get(group)]))
    return group, draw(st.integers(0, len(raw[group]) - 1))


def _title(group: str, i: int) -> str:
    return f"{GROUPS[group].title} {i + 1}"


SMALL = configurations(wide=False).map(lambda raw: (raw, None))
WIDE = configurations(wide=True).map(lambda raw: (raw, None))
# Problems in the order in which they are looked for; a way out of one may lead into a later one.
KINDS = ["image", "batch_size", "norm", "device", "size"]


def kind(path: str, message: str) -> str:
    name = path.rsplit(".", 1)[-1]
    image = dict.fromkeys(("pool", "kernel_size", "residual"), "image")
    if name == "batch_size" and "output layer" in message:
        return "size"
    return (image | dict.fromkeys(("channels", "units", "rnn_units"), "size")).get(name, name)


def read(raw: object) -> RunSpec | str:
    """Return the spec, or the sentence that refuses it."""
    try:
        return from_dict(raw)
    except SpecError as error:
        return str(error)


def walk_out(spec: RunSpec, train_size: int) -> None:
    """Follow every fix: each solves its problem for good, and the last of them leads out."""
    problem = check(spec, train_size=train_size).problem
    if problem is None:
        return
    assert PLACE.match(problem.message), problem.message
    assert setting_at(problem.path)
    assert problem.fixes, problem.message
    for fix in problem.fixes:
        assert fix.label
        after = check(fix.spec, train_size=train_size).problem
        if after is not None:
            then, now = (KINDS.index(kind(p.path, p.message)) for p in (after, problem))
            assert then > now
    walk_out(problem.fixes[0].spec, train_size)


def test_any_configuration_is_refused_with_its_place_or_mended_or_trained(make_digits):
    """Whatever a file holds, nobody ever meets an exception that is not a sentence."""
    digits, seen = make_digits(64), Counter()

    @given(st.one_of(SMALL, SMALL, spoilt(), spoilt(), WIDE))
    @hypothesis_settings(max_examples=2000)
    def meet(drawn: tuple[object, str | None]) -> None:
        raw, where = drawn
        spec = read(raw)
        if isinstance(spec, str):
            assert where is not None, f"{spec} though nothing was spoilt"
            assert PLACE.match(spec), spec
            assert spec.startswith(where)
            assert len(spec) < 300
            seen["refused"] += 1
        elif check(spec, train_size=64).problem is None:
            event = next(Trainer(spec, digits).fit())
            assert isinstance(event, Steps)
            assert event.step == 1
            assert 0 < event.losses[0] < float("inf")
            seen["trained"] += 1
        else:
            with pytest.raises(SpecError):
                Trainer(spec, digits)
            walk_out(spec, 64)
            seen["mended"] += 1

    with pytest.MonkeyPatch.context() as patch:
        # Small limits, so that a giant is refused and never built; one step an event.
        patch.setattr(check_module, "free_memory", lambda key: 250 * 2**20)
        patch.setattr(check_module, "MAX_STEP_MULTIPLY_ADDS", 3 * 10**8)
        patch.setattr(trainer_module, "REPORT_S", 0.0)
        meet()
    assert seen["trained"] > 300
    assert seen["refused"] > 300
    assert seen["mended"] > 100


def test_a_fifth_pooling_is_refused_and_every_way_out_works(make_digits):
    article = PRESETS["article"].spec
    spec = replace(article, blocks=(*article.blocks, BlockSpec()))
    problem = check(spec).problem
    assert problem.path == "blocks.4.pool"
    assert problem.message == (
        "Block 5: the image that arrives here is only 1 × 1; a pooling window of 2 × 2 does not "
        "fit into it."
    )
    labels = [fix.label for fix in problem.fixes]
    assert labels == ["No pooling in block 5", "Remove this block"]
    kept, removed = (fix.spec for fix in problem.fixes)
    assert kept == spec.with_value("blocks.4.pool", "none")
    assert removed == article
    for fix in problem.fixes:
        tiny = replace(fix.spec, batch_size=4)
        assert isinstance(next(Trainer(tiny, make_digits(4)).fit()), Steps)


@pytest.mark.parametrize(
    ("blocks", "labels"),
    [
        (
            [BlockSpec()] * 3 + [BlockSpec(kernel_size=5, padding="valid", pool="none")],
            ["Same padding in block 4", "Kernel 3 × 3 in block 4", "Remove this block"],
        ),
        (
            [BlockSpec()] * 3 + [BlockSpec(pool_size=3), BlockSpec(pool_size=3), BlockSpec()],
            ["Keep the image’s size from here on", "Remove it and the rest"],
        ),
        (
            [BlockSpec()] * 3 + [BlockSpec(stride=2, pool_size=3)],
            ["Pool 2 × 2 in block 4", "No pooling in block 4", "Remove this block"],
        ),
    ],
)
def test_a_used_up_image_has_the_nearest_ways_out(blocks, labels):
    problem = check(RunSpec(blocks=tuple(blocks))).problem
    assert [fix.label for fix in problem.fixes] == labels
    for fix in problem.fixes:
        assert check(fix.spec).problem is None


def test_where_several_blocks_break_one_click_still_leads_out():
    problem = check(RunSpec(blocks=(BlockSpec(pool_size=3),) * 6)).problem
    assert problem.path == "blocks.3.pool"
    keep, remove = problem.fixes
    assert (keep.label, remove.label) == (
        "Keep the image’s size from here on",
        "Remove it and the rest",
    )
    assert [block.pool for block in keep.spec.blocks] == ["max"] * 3 + ["none"] * 3
    assert len(remove.spec.blocks) == 3
    for fix in problem.fixes:
        assert check(fix.spec).problem is None


def test_a_residual_block_of_another_shape_is_refused_and_every_way_out_works():
    blocks = (BlockSpec(channels=4), BlockSpec(channels=8, stride=2, residual=True), BlockSpec())
    spec = RunSpec(blocks=blocks)
    problem = check(spec).problem
    assert problem.path == "blocks.1.residual"
    assert problem.message.startswith("Block 2: its input of 4 × 14 × 14 cannot be added to")
    without, keeping = problem.fixes
    assert without.label == "No residual connection in block 2"
    assert without.spec == spec.with_value("blocks.1.residual", False)
    assert keeping.label == "Keep the shape in block 2"
    kept = keeping.spec.blocks[1]
    assert (kept.channels, kept.stride, kept.pool, kept.residual) == (4, 1, "none", True)
    for fix in problem.fixes:
        assert check(fix.spec).problem is None


def test_where_several_residual_blocks_do_not_fit_one_click_still_leads_out():
    problem = check(RunSpec(blocks=(BlockSpec(residual=True),) * 4)).problem
    (fix,) = problem.fixes
    assert fix.label == "Change all that does not fit"
    assert check(fix.spec).problem is None


def test_a_batch_larger_than_the_training_set_is_refused():
    problem = check(RunSpec(batch_size=8192)).problem
    assert problem.path == "batch_size"
    assert problem.message == (
        "Settings: a batch of 8,192 images is larger than the whole training set of 4,000."
    )
    assert [fix.label for fix in problem.fixes] == ["Batch size 2,048"]
    assert problem.fixes[0].spec.batch_size == 2048
    assert check(RunSpec(batch_size=4000)).problem is None
    assert check(RunSpec(batch_size=8192, data="mnist")).problem is None


def test_batch_norm_of_one_value_is_refused_and_every_way_out_works(make_digits):
    pixel = BlockSpec(channels=2, norm="batch", pool="none")
    spec = RunSpec(blocks=(*(BlockSpec(channels=2),) * 4, pixel, pixel), batch_size=1)
    problem = check(spec).problem
    assert problem.path == "blocks.4.norm"
    assert problem.message.startswith("Block 5: batch norm has one value per channel here")
    assert [fix.label for fix in problem.fixes] == [
        "Batch size 2",
        "No norm in blocks 5 and 6",
    ]
    for fix in problem.fixes:
        assert check(fix.spec).problem is None
        assert isinstance(next(Trainer(fix.spec, make_digits(4)).fit()), Steps)


@pytest.mark.parametrize("norm", ["group", "layer"])
def test_a_norm_of_a_single_value_is_refused_whatever_the_batch(make_digits, norm):
    pixel = BlockSpec(channels=1, norm=norm, pool="none")
    spec = RunSpec(blocks=(*(BlockSpec(channels=2),) * 4, pixel), batch_size=64)
    problem = check(spec).problem
    assert problem.path == "blocks.4.norm"
    assert problem.message.startswith("Block 5: the norm has a single value here")
    assert [fix.label for fix in problem.fixes] == ["No norm in block 5"]
    assert check(problem.fixes[0].spec).problem is None
    two = spec.with_value("blocks.4.channels", 2)
    assert check(two).problem is None
    assert isinstance(next(Trainer(replace(two, batch_size=1), make_digits(4)).fit()), Steps)


ALONE = {
    "residual": (
        BlockSpec(channels=4, kernel_size=3, stride=3, padding="valid", pool_size=3),
        BlockSpec(channels=1, kernel_size=3, padding="valid", pool="none", residual=True),
        BlockSpec(channels=1, norm="layer", pool="none"),
    ),
    "pooling": (
        BlockSpec(channels=2, stride=3, pool_size=3, pool_stride=3),
        BlockSpec(channels=2, stride=3, pool="none"),
        BlockSpec(channels=1, kernel_size=1, norm="group", pool="max", order="norm-act-pool-drop"),
    ),
    "kernel": (
        BlockSpec(channels=4, stride=3, pool_size=3, pool_stride=3),
        BlockSpec(channels=1, kernel_size=5, stride=3, padding="valid", norm="group", pool="none"),
    ),
}


@pytest.mark.parametrize("blocks", ALONE.values(), ids=ALONE)
def test_no_way_out_leaves_a_norm_with_a_single_value(blocks):
    problem = check(RunSpec(blocks=blocks, device="cpu")).problem
    assert problem is not None
    assert not problem.path.endswith(".norm")
    assert problem.fixes
    for fix in problem.fixes:
        assert check(fix.spec).problem is None, fix.label


def test_fewer_channels_leave_no_norm_with_a_single_value(monkeypatch):
    """Half of two channels is one, and of one value of one image a norm measures nothing."""
    monkeypatch.setattr(check_module, "MAX_STEP_MULTIPLY_ADDS", 3 * 10**8)
    blocks = [BlockSpec(), BlockSpec(channels=39, kernel_size=7), BlockSpec(), BlockSpec()]
    spec = RunSpec(blocks=(*blocks, BlockSpec(channels=2, norm="group", pool="none")))
    problem = check(spec, train_size=64).problem
    assert problem.path == "blocks.1.channels"
    assert check(problem.fixes[0].spec, train_size=64).problem is None


def test_a_device_that_is_not_here_is_refused(monkeypatch):
    here = (Device("cpu", cores=2),)
    monkeypatch.setattr(check_module, "devices", lambda: here)
    problem = check(RunSpec(device="cuda")).problem
    assert problem.path == "device"
    assert "cuda" in problem.message
    assert check(problem.fixes[0].spec).problem is None
    assert check(RunSpec(device="cpu")).problem is None


GIANT = RunSpec(
    blocks=(BlockSpec(), *(BlockSpec(channels=512, kernel_size=7, pool="none"),) * 5),
    dense=(DenseSpec(units=4096),) * 3,
    batch_size=4000,
)


def test_a_giant_is_refused_at_its_largest_part_before_anything_is_allocated(monkeypatch):
    monkeypatch.setattr(check_module, "free_memory", lambda key: 2 * 2**30)
    before = psutil.Process().memory_info().rss
    problem = check(GIANT).problem
    assert problem.message.startswith("Dense layer 1 is the largest part of a network too large")
    assert re.search(r"about [\d.,]+ GB, but 2\.0 GB are free\.$", problem.message)
    assert problem.path == "dense.0.units"
    assert check(problem.fixes[0].spec).problem is None
    with pytest.raises(SpecError, match=r"^Dense layer 1 is the largest part"):
        require_runnable(GIANT)
    assert psutil.Process().memory_info().rss - before < 20 * 2**20


def test_a_step_that_would_take_minutes_is_refused(monkeypatch):
    monkeypatch.setattr(check_module, "free_memory", lambda key: 2**50)
    problem = check(GIANT).problem
    assert problem.path == "blocks.2.channels"  # the first whose input has 512 channels too
    assert re.search(r"would take [\d,]+ trillion multiply-adds\.$", problem.message)
    fixed = problem.fixes[0]
    assert check(fixed.spec).problem is None
    assert fixed.label.startswith(("Batch size", "2 times fewer channels"))


def test_a_smaller_batch_is_offered_first(monkeypatch):
    monkeypatch.setattr(check_module, "free_memory", lambda key: 200 * 2**20)
    spec = RunSpec(blocks=(BlockSpec(channels=32),), batch_size=2048)
    (fix,) = check(spec).problem.fixes
    assert re.fullmatch(r"Batch size [\d,]+", fix.label)
    assert fix.spec == replace(spec, batch_size=fix.spec.batch_size)
    assert check(replace(spec, batch_size=2 * fix.spec.batch_size)).problem is not None


def test_require_runnable_names_the_setting():
    assert require_runnable(RunSpec()).broken is None
    with pytest.raises(SpecError, match=r"^Settings: a batch of 8,192") as caught:
        require_runnable(RunSpec(batch_size=8192))
    assert caught.value.where == "batch_size"


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 MB"), (5 * 2**20, "5 MB"), (3 * 2**29, "1.5 GB"), (2**50, "1,048,576.0 GB")],
)
def test_sizes_are_told_in_words(size, words):
    assert size_in_words(size) == words


def test_a_batch_larger_than_what_a_fold_learns_from_is_refused_with_that_number():
    spec = RunSpec(folds=2, batch_size=2500)
    assert "2,250" in check(spec).problem.message
    assert check(replace(spec, folds=0)).problem is None
    assert check(spec.with_value("folds", 10)).problem is None
