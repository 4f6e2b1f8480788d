"""Every kind of layer is one entry of one table, and nothing else knows kinds by their names."""

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch import nn

from core.network.layer import Operation
from core.network.layers import lay_out
from core.network.operations import OPERATIONS
from core.spec import BlockSpec, DenseSpec, RunSpec, settings
from core.spec.settings import Choice, Flag

ROOT = Path(__file__).resolve().parents[3]
TABLE = ROOT / "core" / "network" / "operations"
# Where layers are named for people, and where the article prints code as its author wrote it.
WORDS = (ROOT / "core" / "spec", ROOT / "core" / "article")


def every_choice() -> list[RunSpec]:
    """Specs in which every option of every setting of the network is chosen once."""
    found = []
    for cls, group in ((BlockSpec, "blocks"), (DenseSpec, "dense"), (RunSpec, "")):
        for name, record in settings(cls).items():
            options = [True] if isinstance(record, Flag) else getattr(record, "options", [0.5])
            for option in options if isinstance(record, Choice | Flag) or "dropout" in name else ():
                part = cls(**{name: option})
                found.append(RunSpec(**{group: (part,)}) if group else part)
                if name == "cell":
                    found.append(RunSpec(family="recurrent", cell=option))
    return found


def test_the_table_holds_what_can_be_chosen_and_no_more():
    used = {layer.operation.module for spec in every_choice() for layer in lay_out(spec).layers}
    assert used == set(OPERATIONS)


@given(st.data())
@hypothesis_settings(max_examples=100)
def test_every_layer_is_an_entry_of_the_table(specs, data):
    for layer in lay_out(data.draw(specs(most=12))).layers:
        assert OPERATIONS[layer.operation.module] is layer.operation
        assert layer.op == type(layer.module()).__name__
        assert set(layer.operation.positional) <= set(layer.args) <= set(layer.operation.arguments)


@pytest.mark.parametrize("name", [operation.name for operation in OPERATIONS.values()])
def test_an_entry_is_complete(name):
    (operation,) = (entry for entry in OPERATIONS.values() if entry.name == name)
    assert issubclass(operation.module, nn.Module)
    assert getattr(nn, name) is operation.module
    for column in fields(Operation):
        value = getattr(operation, column.name)
        assert (
            callable(value)
            or isinstance(value, bool | str | tuple | dict)
            or column.name == "apply"
        )


def columns_read(text: str) -> set[str]:
    """Which columns of the table a module asks an entry for."""
    asked = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute):
            whose = ast.unparse(node.value)
            if re.search(r"(operation|entry|op)$|^(entries|OPERATIONS)\[.*\]$", whose):
                asked.add(node.attr)
    return asked


def test_every_column_is_read_by_someone():
    """A column that nobody reads is a fact of a layer that somebody has written elsewhere too."""
    assert columns_read("OPERATIONS[type(layer)].gates and layer.operation.note(x)") == {
        "gates",
        "note",
    }
    modules = [path for folder in ("core", "pages") for path in (ROOT / folder).rglob("*.py")]
    asked: set[str] = set()
    for path in modules:
        if path.parent != TABLE:
            asked |= columns_read(path.read_text(encoding="utf-8"))
    assert {column.name for column in fields(Operation)} <= asked


def named_kinds(text: str) -> list[str]:
    """What a module says that is the name of a kind of layer, or of what several kinds are."""
    names = {
        kind.__name__
        for operation in OPERATIONS.values()
        for kind in operation.module.__mro__
        if issubclass(kind, nn.Module) and kind is not nn.Module
    }
    tree = ast.walk(ast.parse(text))
    said = [getattr(node, "value", None) if isinstance(node, ast.Constant) else
            getattr(node, "attr", None) for node in tree]  # fmt: skip
    return [word for word in said if isinstance(word, str) and word in names]


def test_no_other_module_names_a_kind_of_layer():
    assert named_kinds('if layer.op == "Conv2d": ...') == ["Conv2d"]
    assert named_kinds("isinstance(layer, nn.ReLU)") == ["ReLU"]
    assert named_kinds("isinstance(layer, nn.RNNBase)") == ["RNNBase"]
    modules = [path for folder in ("core", "pages") for path in (ROOT / folder).rglob("*.py")]
    found = {
        str(path.relative_to(ROOT)): named_kinds(path.read_text(encoding="utf-8"))
        for path in modules
        if not any(folder in path.parents for folder in (TABLE, *WORDS))
    }
    assert {path: kinds for path, kinds in found.items() if kinds} == {}
    assert len(found) > 100
