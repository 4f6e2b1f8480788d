"""Whoever reads Chinese meets no English on any page, but for names that are English everywhere."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from google.protobuf.message import Message

from core.data.loading import DATASETS
from core.spec import BlockSpec, DenseSpec, RunSpec
from core.spec.codec import to_query
from core.spec.presets import DEFAULT, PRESETS
from core.training.events import Diverged
from tests.app.script import END, epoch_of, eventually
from tests.app.tab import Tab

# What a person reads, by the names of Streamlit's own messages.
READ = frozenset(
    {"label", "body", "help", "placeholder", "options", "caption", "title", "text", "value"}
)
IN_CHARTS = frozenset({"title", "text", "hovertemplate", "hovertext", "label"})
# Names of people, products and methods; formulas; code; and what a person wrote.
NAMES = re.compile(
    r"(?s:<style>.*?</style>)|`[^`]*`|\$[^$]*\$|https?://\S+|:[a-z]+\[|:material/\w+:|</?\w[^>]*>|&\w+;|\{[^}]*\}"
    r"|NetSketch|PyTorch|Fashion-MNIST|KMNIST|QMNIST|EMNIST|MNIST|USPS|NIST|LeNet-5"
    r"|\b(?:[A-Z]\w*(?:1d|2d|ReLU|Norm)|Linear|Flatten|Dropout|True|False|LSTM|GRU|RNN|Softmax)\b"
    r"|[\u3040-\u30ff] [a-z]+|channels last|fused|foreach|bfloat16"
    r"|Nadeau|Bengio|Naeini|McNemar|Kaiming|Xavier|Leslie Smith|Nesterov|Holm"
    r"|\d+ · [^\u3002\uff0c]*|[a-z]+\.(?:zip|npz|json|safetensors|png|py)\b"
)
# Whose the images are: names, titles and licences.
CREDIT = re.compile("\uff08(?:19|20)\\d\\d\uff09|CC BY")
WORD = re.compile(r"[A-Za-z]{2,}")
QUOTED = re.compile(r"""(['"])(.*?)\1""")
# Abbreviations, units and functions are read as they are in every language.
ALONE = {
    *("relu", "sigmoid", "tanh", "leakyrelu", "elu", "gelu", "silu", "softmax", "dropout"),
    *("rnn", "lstm", "gru", "cnn", "sgd", "adam", "adamw", "rmsprop", "adagrad"),
    *("cpu", "cuda", "gpu", "apple", "mps", "onnx", "csv", "html", "json", "safetensors", "zip"),
    *("npz", "png", "jpg", "jpeg", "svg", "webp", "bmp", "gif", "tiff", "jupyter", "sha"),
    *("min", "ms", "kb", "mb", "gb", "kib", "mib", "gib", "english", "conv", "mse", "nll", "bce"),
}


def strings(message: Message) -> Iterator[str]:
    """Everything in a message of Streamlit's that a person reads."""
    for field, value in message.ListFields():
        values = value if field.is_repeated else [value]
        for one in values:
            if field.message_type is not None:
                if not field.message_type.GetOptions().map_entry:
                    yield from strings(one)
            elif field.name == "spec" and isinstance(one, str) and one.startswith("{"):
                yield from in_chart(json.loads(one))
            elif field.name in READ and isinstance(one, str):
                yield one


def in_chart(node: object, key: str = "") -> Iterator[str]:
    """Everything that a chart says."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from in_chart(value, name)
    elif isinstance(node, list):
        for value in node:
            yield from in_chart(value, key)
    elif isinstance(node, str) and key == "labelExpr":
        # Of an expression only its texts are read, as `~s` in "format(datum.value, '~s')".
        yield from (text for _, text in QUOTED.findall(node))
    elif isinstance(node, str) and key in IN_CHARTS:
        yield node


def english(tab: Tab) -> set[str]:
    """What is still English on a page."""
    found = set()
    for node in tab._tree:
        proto = getattr(node, "proto", None)
        if proto is None:
            continue
        for text in strings(proto):
            if CREDIT.search(text):
                continue
            left = [
                word for word in WORD.findall(NAMES.sub(" ", text)) if word.lower() not in ALONE
            ]
            if left:
                found.add(text)
    return found


@pytest.fixture(autouse=True)
def the_test_reads_chinese_too(monkeypatch):
    """What a browser sends of a box is the words that it shows."""
    monkeypatch.setattr("pages.shared.language.DEFAULT", "zh")


def chinese(spec: RunSpec | None = None) -> dict[str, str]:
    return {"lang": "zh", **(to_query(spec) if spec else {})}


SPECS = {
    "the first visit": DEFAULT,
    "all parts": RunSpec(
        blocks=(BlockSpec(pool_stride=1, activation="gelu"), BlockSpec(residual=True, pool="none")),
        dense=(DenseSpec(dropout=0.1),),
        loss="bce",
        schedule="warmup",
        folds=3,
        shift=2,
    ),
    "dense": PRESETS["dense"].spec,
    "recurrent": PRESETS["recurrent"].spec,
    "a broken one": RunSpec(blocks=(BlockSpec(),) * 6),
    "a batch that is too large": replace(DEFAULT, batch_size=8192),
}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_the_build_page(visit, spec):
    assert english(visit(query=chinese(spec))) == set()


@pytest.mark.parametrize("loss", ["nll", "multi_margin", "mse", "cross_entropy"])
def test_each_loss(visit, loss):
    assert english(visit(query=chinese(replace(DEFAULT, loss=loss)))) == set()


@pytest.mark.parametrize("data", DATASETS)
def test_each_data_set(visit, data):
    assert english(visit(query=chinese(replace(DEFAULT, data=data)))) == set()


def test_an_address_that_had_to_be_mended(visit):
    query = {"lang": "zh", "v": "1", "blocks": "99", "lr": "-1", "loss": "hinge", "colour": "red"}
    left = english(visit(query=query))
    # What somebody wrote there is quoted.
    assert {text for text in left if "hinge" not in text and "colour" not in text} == set()


@pytest.mark.parametrize("page", ["train", "draw", "runs"])
def test_the_other_pages_before_there_is_any_run(visit, canvas, page):
    assert english(visit(page, query=chinese())) == set()


def test_the_train_page_with_a_run_under_way(visit, running, script):
    run = running(100)
    script.say(epoch_of(DEFAULT, 1, val_accuracy=0.912))
    eventually(lambda: run.snapshot().val_accuracy == 0.912)
    run.set_lr(0.001)
    assert english(visit("train", query=chinese())) == set()


@pytest.mark.parametrize("last", [END, Diverged(101, 0.1), MemoryError(), KeyError("x")])
def test_the_train_page_with_a_run_that_has_ended(visit, running, script, last):
    run = running(100)
    script.say(last)
    assert run.wait(20)
    assert english(visit("train", query=chinese())) == set()


def test_a_real_run_on_every_page(visit, canvas, quick, line):
    tab = visit("train", query=chinese(replace(DEFAULT, folds=2, num_epochs=1)))
    tab.click("train")
    assert line.all()[0].wait(60)
    for page in ("train", "draw", "runs"):
        assert english(visit(page, query=chinese())) == set()


def test_a_language_that_there_is_not_changes_nothing(visit, monkeypatch):
    monkeypatch.setattr("pages.shared.language.DEFAULT", "en")
    tab = visit(query={"lang": "tlh"})
    assert tab.get_by_key("train").label == "Train"
