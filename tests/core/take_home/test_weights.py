"""The weights as they were, and a program that loads them."""

import subprocess
import sys

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load

from core.judging.prediction import probabilities
from core.spec.codec import from_json
from core.take_home.contents import TakeHomeError
from core.take_home.weights import loader, weights_file
from tests.core.take_home.conftest import SPEC, untrained


def test_the_file_holds_every_tensor_and_the_configuration(trained, tmp_path):
    contents = trained()
    data = weights_file(contents)
    found = load(data)
    assert found.keys() == contents.weights.keys()
    for name, value in contents.weights.items():
        assert torch.equal(found[name], value), name
    (tmp_path / "w").write_bytes(data)
    with safe_open(tmp_path / "w", "pt") as file:
        assert from_json(file.metadata()["netsketch"]) == SPEC
        assert file.metadata()["format"] == "pt"


def test_the_loader_alone_says_what_the_dashboard_says(trained, tmp_path):
    contents = trained()
    (tmp_path / "weights.safetensors").write_bytes(weights_file(contents))
    (tmp_path / "load_weights.py").write_text(loader(contents), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-I", "load_weights.py"],
        cwd=tmp_path,
        env={"PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    stroke = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    stroke[..., 5:23, 13:15] = 255
    answer = probabilities(SPEC, contents.weights, stroke)
    assert f"{int(answer.argmax())}" in done.stdout
    assert f"{float(answer.max()):.1%}" in done.stdout


def test_without_weights_there_is_nothing_to_write():
    with pytest.raises(TakeHomeError, match="has no weights"):
        weights_file(untrained(SPEC))
