"""The Build page: what a person sets, and what the page makes of it."""

import random
from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from streamlit.testing.v1.element_tree import SelectSlider, Slider

from core.machine.device import Device, devices
from core.network.layers import lay_out
from core.spec import (
    MAX_BLOCKS,
    BlockSpec,
    DenseSpec,
    RunSpec,
    in_use,
    settings,
    walk,
)
from core.spec.codec import to_query
from core.spec.order import orders_that_differ
from core.spec.presets import DEFAULT, PRESETS
from core.spec.settings import Choice, Flag, Number
from core.training import check as check_module
from core.training.check import check
from core.words.errors import UserError
from pages.shared.palette import DARK, LIGHT
from tests.app.built import parts_of, shows
from tests.app.tab import Tab, words

BIG = 2**60
SMALL_AND_DENSE = replace(DEFAULT, dense=(DenseSpec(units=32), DenseSpec(units=16)))


def is_mended(tab: Tab) -> None:
    """Whether nothing keeps the draft from running any more, and the page says so."""
    assert check(tab.draft).problem is None
    assert not tab.has("problem")
    assert not tab.get_by_key("train").disabled
    shows(tab, tab.draft)


def test_a_newcomer_sees_the_default_network_ready_to_train(visit):
    tab = visit()
    shows(tab, DEFAULT)
    assert not tab.get_by_key("train").disabled
    assert not tab.has("problem")
    assert not tab.error
    assert not tab.warning


@pytest.mark.parametrize("key", PRESETS)
def test_every_preset_is_one_click_away(visit, key):
    own = {"seed": 77, "data": "embedded", "device": "cpu"}  # a preset leaves these alone
    tab = visit(spec=replace(PRESETS["lenet" if key == "small" else "small"].spec, **own))
    tab.get_by_key("preset").set_value(key).run()
    shows(tab, replace(PRESETS[key].spec, **own))
    assert tab.get_by_key("preset").value == key
    assert not tab.get_by_key("train").disabled


def test_a_network_of_one_s_own_is_no_preset(visit):
    tab = visit()
    assert len(tab.get_by_key("preset").options) == len(PRESETS)
    tab.set("blocks.0.channels", 24)
    assert tab.get_by_key("preset").value not in PRESETS
    tab.get_by_key("preset").set_value("small").run()
    shows(tab, DEFAULT)
    assert len(tab.get_by_key("preset").options) == len(PRESETS)


def test_every_setting_has_a_widget_with_the_words_and_limits_of_its_record(visit):
    tab = visit(spec=SMALL_AND_DENSE)
    seen = set()
    for part in parts_of(SMALL_AND_DENSE):
        tab.edit(part)
        for path, record, value in walk(SMALL_AND_DENSE):
            if not tab.has(f"field:{path}"):
                continue
            seen.add(path)
            widget = tab.field(path)
            assert widget.proto.label == record.label, path
            assert widget.proto.help.replace("\u00a0", " ") == record.help, path
            assert tab.stands(path) == value, path
            assert not widget.proto.disabled, path
            if path.endswith(".order"):
                block = SMALL_AND_DENSE.blocks[int(path.split(".")[1])]
                assert widget.options == list(orders_that_differ(value, block.follows).values())
            elif isinstance(record, Choice) and path != "device":
                assert len(widget.options) == len(record.options), path
            elif isinstance(record, Number) and isinstance(widget, Slider):
                assert (widget.min, widget.max) == (record.low, record.high), path
    assert seen == {path for path, _, _ in walk(SMALL_AND_DENSE) if in_use(SMALL_AND_DENSE, path)}


@pytest.mark.parametrize("family", ["dense", "recurrent"])
def test_a_kind_of_network_shows_what_belongs_to_it_and_nothing_else(visit, family):
    spec = replace(SMALL_AND_DENSE, family=family)
    tab = visit(spec=SMALL_AND_DENSE)
    tab.set("family", family)
    shows(tab, spec)
    assert not tab.has("blocks_more")
    seen = set()
    for part in parts_of(spec):
        tab.edit(part)
        seen |= {path for path, _, _ in walk(spec) if tab.has(f"field:{path}")}
    assert seen == {path for path, _, _ in walk(spec) if in_use(spec, path)}
    tab.set("family", "conv")  # and the blocks are as they were
    shows(tab, SMALL_AND_DENSE)


def test_a_dense_network_may_have_no_hidden_layer(visit):
    spec = RunSpec(family="dense")
    tab = visit(spec=spec)
    shows(tab, spec)
    assert not tab.has("part")
    assert lay_out(spec).params == 784 * 10 + 10
    tab.click("dense_more")
    shows(tab, replace(spec, dense=(DenseSpec(),)))
    assert tab.has("part")


RECURRENT_VALUES = {
    "cell": "lstm", "rnn_units": 96, "rnn_layers": 2, "rnn_dropout": 0.25, "bidirectional": True,
}  # fmt: skip


@pytest.mark.parametrize("name", RECURRENT_VALUES)
def test_the_recurrent_part_changes_with_its_widgets(visit, name):
    spec = replace(RunSpec(family="recurrent"), rnn_layers=2 if name == "rnn_dropout" else 1)
    tab = visit(spec=spec)
    tab.set(name, RECURRENT_VALUES[name])
    changed = replace(spec, **{name: RECURRENT_VALUES[name]})
    shows(tab, changed)
    assert tab.address == to_query(changed)
    before, after = (lay_out(s).layers[0].args for s in (spec, changed))
    assert before != after or name == "cell"


OTHER_VALUES = {
    "channels": 48, "kernel_size": 7, "stride": 2, "padding": "valid", "activation": "gelu",
    "pool_stride": 1, "residual": True, "head": "global_average", "init": "kaiming",
    "norm": "layer", "convolution": "depthwise_separable", "order": "act-norm-pool-drop",
    "pool": "avg", "pool_size": 3, "dropout": 0.25, "units": 128,
    "shift": 2, "rotation": 10, "scale": 0.2, "elastic": 1.0, "label_smoothing": 0.2,
    "loss": "mse", "optimizer": "sgd", "lr": 0.1, "schedule": "cosine", "momentum": 0.5,
    "nesterov": True, "clip_norm": 1.0, "step_epochs": 3, "step_factor": 0.5, "warmup": 0.2,
    "target_accuracy": 0.97, "patience": 3, "keep_best": True, "weight_decay": 0.01,
    "batch_size": 128, "num_epochs": 3, "folds": 5, "seed": 42, "device": "cpu",
    "precision": "bfloat16",
}  # fmt: skip


def test_every_setting_is_tried():
    assert set(OTHER_VALUES) | set(RECURRENT_VALUES) | {"data", "family"} == {
        *settings(RunSpec),
        *settings(BlockSpec),
        *settings(DenseSpec),
    }


@pytest.mark.parametrize("name", OTHER_VALUES)
def test_changing_a_widget_changes_everything_on_the_page(visit, name):
    group = next(
        (g for g, c in (("blocks", BlockSpec), ("dense", DenseSpec)) if name in settings(c)), ""
    )
    path = f"{group}.0.{name}" if group else name
    tab = visit(spec=SMALL_AND_DENSE)
    if group:
        tab.edit(f"{group}.0")
    tab.set(path, OTHER_VALUES[name])
    changed = SMALL_AND_DENSE.with_value(path, OTHER_VALUES[name])
    assert changed != SMALL_AND_DENSE
    shows(tab, changed)
    assert tab.address == to_query(changed)
    tab.run()  # and it stays
    shows(tab, changed)


def test_a_change_moves_the_drawing_the_table_the_totals_and_the_code(visit):
    tab = visit()
    before = tab.figure(), tab.layers(), words(tab.main), tab.source()
    tab.set("blocks.0.channels", 64)
    after = tab.figure(), tab.layers(), words(tab.main), tab.source()
    assert before[0] != after[0]
    assert before[1]["Parameters"].tolist() != after[1]["Parameters"].tolist()
    assert f"{lay_out(DEFAULT).params:,}" in before[2]
    assert f"{lay_out(DEFAULT).params:,}" not in after[2]
    assert "Conv2d(1, 64" in after[3]


def test_the_code_on_the_page_is_the_network(visit):
    tab = visit(spec=PRESETS["lenet"].spec)
    space: dict[str, object] = {}
    exec(tab.source(), space)
    model = space["Net"]()
    assert sum(p.numel() for p in model.parameters()) == lay_out(PRESETS["lenet"].spec).params
    assert model(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


ARTICLE = PRESETS["article"].spec
FIFTH = replace(ARTICLE, blocks=(*ARTICLE.blocks, ARTICLE.blocks[-1]))
TINY = BlockSpec(channels=4, stride=3, kernel_size=7, pool_size=3, norm="batch")
TROUBLES = {
    "the article's fifth pooling": (FIFTH, "Block 5"),
    "a window of three": (
        replace(
            ARTICLE,
            blocks=(
                *ARTICLE.blocks[:3],
                replace(ARTICLE.blocks[3], pool_size=3),
                ARTICLE.blocks[3],
            ),
        ),
        "Block 5",
    ),
    "a kernel larger than the image": (
        RunSpec(blocks=(*[BlockSpec(pool_size=3)] * 2, BlockSpec(kernel_size=7, padding="valid"))),
        "Block 3",
    ),
    "one trouble after another": (RunSpec(blocks=(BlockSpec(pool_size=3),) * 6), "Block 4"),
    "a batch larger than the data": (replace(DEFAULT, batch_size=8192), "8,192"),
    "batch norm of one value": (
        replace(DEFAULT, blocks=(TINY, replace(TINY, pool="none")), batch_size=1),
        "Block 2",
    ),
    "a device that is not here": (replace(DEFAULT, device="mps"), "mps"),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_a_network_that_cannot_run_is_explained_with_ways_out_that_lead_out(visit, name):
    spec, word = TROUBLES[name]
    problem = check(spec).problem
    assert problem is not None
    tab = visit(spec=spec)
    assert tab.draft == spec
    said = words(tab.get_by_key("problem"))
    assert word in said.replace("\\", "")
    assert tab.get_by_key("train").disabled
    assert len(problem.fixes) >= 1
    for i, fix in enumerate(problem.fixes):
        again = visit(spec=spec)
        button = again.get_by_key(f"fix_{i}")
        assert button.label == fix.label
        again.click(f"fix_{i}")
        assert again.draft == fix.spec
        is_mended(again)
    assert not tab.has(f"fix_{len(problem.fixes)}")


def test_the_block_that_breaks_is_marked_where_it_is_edited_and_drawn(visit):
    tab = visit(spec=FIFTH)
    marked = [option for option in tab.get_by_key("part").options if "error" in option]
    assert len(marked) == 1
    assert "Block 5" in marked[0]
    assert "does not fit" in str(tab.figure())
    sentence = check(FIFTH).problem.message
    here = [m.value.replace("\\", "") for m in tab.edit("blocks.4").markdown]
    assert sum(sentence in text for text in here) == 2  # above, and in the block's own card
    assert not tab.source()  # no code for a network that cannot be


def test_a_network_too_large_for_the_memory_is_refused_with_both_numbers(visit, monkeypatch):
    monkeypatch.setattr(check_module, "free_memory", lambda key: 80 * 2**20)
    spec = RunSpec(blocks=(BlockSpec(channels=256),), dense=(DenseSpec(units=64),), batch_size=512)
    tab = visit(spec=spec)
    said = words(tab.get_by_key("problem")).replace("\\", "")
    assert "80\xa0MB" in said
    assert "GB" in said or said.count("MB") == 2
    assert tab.get_by_key("train").disabled
    tab.click("fix_0")
    is_mended(tab)
    assert tab.draft != spec


def test_a_memory_that_nothing_fits_into_leaves_train_off_without_a_fix(visit, monkeypatch):
    monkeypatch.setattr(check_module, "free_memory", lambda key: 0)
    tab = visit()
    assert "0\xa0MB" in words(tab.get_by_key("problem")).replace("\\", "")
    assert tab.get_by_key("train").disabled
    assert not tab.has("fix_0")


def test_a_step_that_would_take_minutes_is_refused(visit, monkeypatch):
    monkeypatch.setattr(check_module, "free_memory", lambda key: BIG)
    spec = RunSpec(
        blocks=(BlockSpec(channels=512, pool="none", kernel_size=7),) * 3, batch_size=4000
    )
    tab = visit(spec=spec)
    assert "trillion" in words(tab.get_by_key("problem"))
    tab.click("fix_0")
    is_mended(tab)


def test_trouble_comes_and_goes_with_a_setting(visit):
    tab = visit()
    tab.set("batch_size", 8192)
    assert tab.get_by_key("train").disabled
    assert tab.has("problem")
    tab.set("batch_size", 64)
    is_mended(tab)


def test_only_devices_of_this_machine_are_offered(visit, monkeypatch):
    assert len(visit().field("device").options) == 1 + len(devices())
    graphics = (Device("cuda", "NVIDIA T4"), Device("cpu", cores=2))
    monkeypatch.setattr(check_module, "devices", lambda: graphics)
    monkeypatch.setattr("core.machine.device.devices", lambda: graphics)
    monkeypatch.setattr(check_module, "free_memory", lambda key: BIG)
    tab = visit()
    assert any("NVIDIA T4" in option for option in tab.field("device").options)
    tab.set("device", "cuda")
    assert tab.draft.device == "cuda"
    assert not tab.has("problem")


def test_full_mnist_is_offered_for_download_and_cannot_train_before(visit):
    tab = visit()
    assert not tab.has("download_start")
    tab.set("data", "mnist")
    assert tab.has("download_start")
    assert tab.get_by_key("train").disabled
    tab.set("data", "embedded")
    assert not tab.has("download_start")
    assert not tab.get_by_key("train").disabled


def test_the_address_opens_the_same_network_in_another_tab(visit):
    tab = visit()
    tab.get_by_key("preset").set_value("lenet").run()
    tab.edit("blocks.1").set("blocks.1.dropout", 0.35)
    tab.set("lr", 0.003)
    other = visit(query=tab.query_params)
    shows(other, tab.draft)
    assert other.query_params == tab.query_params
    assert not other.warning


@pytest.mark.parametrize(
    ("query", "changes"),
    [
        ({"lr": "0.5"}, {"lr": 0.5}),
        ({"num_epochs": "3", "optimizer": "adamw"}, {"num_epochs": 3, "optimizer": "adamw"}),
    ],
)
def test_part_of_an_address_is_the_simplest_network_with_that_changed(visit, query, changes):
    tab = visit(query=query)
    shows(tab, replace(RunSpec(), **changes))
    assert not tab.warning


def test_a_hostile_address_gives_the_nearest_network_and_says_what_was_mended(visit):
    tab = visit(
        query={
            "blocks": "999",
            "b1.channels": "1000000000",
            "b2.kernel_size": "six",
            "lr": "nan",
            "<script>": "alert(1)",
        }
    )
    assert len(tab.draft.blocks) == MAX_BLOCKS
    assert tab.draft.blocks[0].channels == 512
    assert tab.draft.blocks[1].kernel_size == 3
    said = tab.warning[0].value
    for word in ("999", "1000000000", "six", "nan", "script"):
        assert word in said
    assert "<script>" not in said
    shows(tab, tab.draft)
    tab.set("num_epochs", 2)  # once a person has gone on, the sentence goes
    assert not tab.warning


WILD = st.dictionaries(
    st.one_of(
        st.sampled_from(
            ["v", "blocks", "dense", "run", "page", "lr", "seed", "data", "device", "batch_size"]
            + [f"b{i}.{name}" for i in (1, 2, 7) for name in settings(BlockSpec)]
        ),
        st.text(max_size=8),
    ),
    st.one_of(
        st.text(max_size=8),
        st.integers().map(str),
        st.sampled_from(["2", "3", "7", "max", "valid", "cuda", "mps", "mnist", "1e309", "-1", ""]),
    ),
    max_size=12,
)


@hypothesis_settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(query=WILD)
def test_no_address_breaks_the_page(visit, query):
    tab = visit(query=query)
    shows(tab, tab.draft)
    problem = check(tab.draft).problem
    assert tab.has("problem") == (problem is not None)
    ready = problem is None and tab.draft.data == "embedded"
    assert tab.get_by_key("train").disabled != ready


def test_the_draft_survives_the_other_pages(visit, canvas):
    tab = visit()
    tab.edit("blocks.1").set("blocks.1.channels", 96)
    tab.set("seed", 9)
    wanted = tab.draft
    for page in ("train", "draw", "build"):
        tab.go(page)
        assert tab.draft == wanted
    shows(tab, wanted)


def test_train_starts_a_run_of_the_draft_and_shows_it(visit, line, script):
    tab = visit()
    tab.set("seed", 5)
    tab.click("train")
    run = line.all()[0]
    assert run.spec == replace(DEFAULT, seed=5)
    assert tab.query_params["run"] == run.id
    assert tab.get_by_key("shown_run").value == run.id
    assert len(line.all()) == 1


def test_a_second_click_and_a_second_tab_start_no_second_copy(visit, line, script, monkeypatch):
    monkeypatch.setattr("pages.shared.launch.person", lambda: "one browser")
    tab, other = visit(), visit()
    tab.click("train")
    other.click("train")
    tab.go("build").click("train")
    assert len(line.all()) == 1
    assert other.query_params["run"] == tab.query_params["run"]


def test_a_refusal_is_shown_as_a_sentence(visit, line, monkeypatch):
    def start(spec, owner, *_rest):
        raise UserError("30 runs are waiting already. [Wait](http://a.b) for one.")

    monkeypatch.setattr(line, "start", start)
    tab = visit()
    tab.click("train")
    told = [error.value for error in tab.error]
    assert len(told) == 1
    assert "30 runs are waiting already" in told[0].replace("\\", "")
    assert "[Wait](" not in told[0]
    assert line.all() == ()
    tab.run()
    assert not tab.error


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_drawing_is_in_the_colours_of_the_theme(visit, theme):
    tab = visit()
    tab.context["theme"] = theme
    tab.run()
    colours = DARK if theme == "dark" else LIGHT
    assert colours.lit in str(tab.figure())


class Wanderer:
    """Someone who clicks about on the Build page without a plan."""

    def __init__(self, tab: Tab, seed: int) -> None:
        self.tab = tab
        self.chance = random.Random(seed)

    def step(self) -> None:
        """Do something, and look whether it did what it says."""
        acts = [self.set, self.set, self.set, self.press, self.edit, self.start_from, self.leave]
        self.chance.choice(acts)()

    def set(self) -> None:
        shown = [w for w in walk(self.tab.draft) if self.tab.has(f"field:{w[0]}")]
        path, record, value = self.chance.choice([w for w in shown if w[0] != "device"])
        widget = self.tab.field(path)
        if isinstance(record, Flag):
            value = not value
        elif isinstance(record, Choice):
            value = self.chance.choice(list(record.options))
        elif isinstance(widget, SelectSlider):
            value = type(value)(self.chance.choice(widget.options).replace(",", ""))
        elif record.whole:
            value = self.chance.randint(int(record.low), int(record.high))
        else:
            value = self.chance.uniform(record.low, record.high)
        expected = self.tab.draft.with_value(path, value)
        self.tab.set(path, value)
        assert self.tab.draft == expected

    def press(self) -> None:
        shown = ["blocks_less", "blocks_more", "dense_less", "dense_more", "apply_to_all", "fix_0"]
        ready = [
            key for key in shown if self.tab.has(key) and not self.tab.get_by_key(key).disabled
        ]
        key = "fix_0" if "fix_0" in ready else self.chance.choice(ready)
        self.tab.click(key)
        assert key != "fix_0" or check(self.tab.draft).problem is None

    def edit(self) -> None:
        known = parts_of(self.tab.draft)
        if known:
            self.tab.edit(self.chance.choice(known))

    def start_from(self) -> None:
        self.tab.get_by_key("preset").set_value(self.chance.choice(list(PRESETS))).run()

    def leave(self) -> None:
        before = self.tab.draft
        self.tab.go(self.chance.choice(["train", "draw"])).go("build")
        assert self.tab.draft == before


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_clicked_the_page_shows_one_network(visit, canvas, seed):
    wanderer = Wanderer(visit(), seed)
    for _ in range(12):
        wanderer.step()
        shows(wanderer.tab, wanderer.tab.draft)


def test_what_is_folded_away_is_not_sent(visit):
    tab = visit()
    assert tab.has("field:momentum")
    tab.session_state["fold_learning"] = False
    tab.run()
    assert not tab.has("field:momentum")
    assert tab.has("field:lr")
