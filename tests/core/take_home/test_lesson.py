"""The tutorial takes the trainer's own steps, whatever a run is set to."""

import ast
import gzip
import io
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from core.data.held_out import SPLIT_SEED
from core.data.mnist import MNIST_FILES
from core.machine.device import Device
from core.runs.history import History
from core.spec import BlockSpec, RunSpec
from core.spec.presets import PRESETS
from core.take_home.lesson import lesson
from core.take_home.lesson_data import data_code
from core.take_home.report import report
from core.training.events import Diverged, Epoch, Tested
from core.training.learner import learner
from core.training.length import length_of
from core.training.trainer import Trainer
from tests.core.take_home.conftest import SPEC, follow, runnable, untrained

EVERYTHING_ON = {
    "shift": {"shift": 3},
    "rotation": {"rotation": 20},
    "scale": {"scale": 0.3},
    "elastic": {"elastic": 1.5},
    "shift and elastic": {"shift": 8, "elastic": 1.0},
    "rotation and scale": {"rotation": 45, "scale": 0.5},
    "all changes": {"shift": 2, "rotation": 10, "scale": 0.1, "elastic": 0.5},
    "label smoothing": {"label_smoothing": 0.1},
    "mean squared error": {"loss": "mse"},
    "one-cycle": {"schedule": "one_cycle"},
    "cosine": {"schedule": "cosine"},
    "steps": {"schedule": "step", "step_epochs": 1, "step_factor": 0.3},
    "warm-up": {"schedule": "warmup", "warmup": 0.4},
    "negative log-likelihood": {"loss": "nll"},
    "binary cross entropy": {"loss": "bce"},
    "multi-margin": {"loss": "multi_margin"},
    "clipping": {"clip_norm": 0.1},
    "nesterov": {"optimizer": "sgd", "nesterov": True},
    "a goal": {"target_accuracy": 0.3, "num_epochs": 9},
    "patience": {"lr": 0.1, "patience": 1, "num_epochs": 9},
    "the best epoch": {"lr": 0.1, "keep_best": True, "num_epochs": 5},
    "dense": {"family": "dense"},
    "gru": {"family": "recurrent", "rnn_units": 8, "rnn_layers": 2, "rnn_dropout": 0.3},
    "lstm": {"family": "recurrent", "rnn_units": 8, "cell": "lstm", "bidirectional": True},
    "rnn": {"family": "recurrent", "rnn_units": 8, "cell": "rnn", "init": "xavier"},
    "a last batch of one": {"batch_size": 33},
    "a batch of all but one": {"batch_size": 99, "num_epochs": 1},
    "kaiming": {"init": "kaiming"},
    "xavier": {"init": "xavier"},
    "global average": {"head": "global_average"},
    "bfloat16": {"precision": "bfloat16"},
    "bfloat16, average pooling": {
        "precision": "bfloat16",
        "blocks": (BlockSpec(channels=6, pool="avg", activation="tanh"), BlockSpec(channels=8)),
    },
    "bfloat16, dense": {"precision": "bfloat16", "family": "dense"},
    "bfloat16, recurrent": {"precision": "bfloat16", "family": "recurrent", "rnn_units": 8},
    "one batch": {"batch_size": 100, "schedule": "one_cycle", "num_epochs": 1},
}


def same_steps(spec: RunSpec, digits) -> str:
    """Train twice: by the trainer, and by what a lesson says; return what that said."""
    trainer = learner(spec, digits)
    num_steps = length_of(spec).num_steps
    history = History(length_of(spec).steps_per_epoch)
    for event in trainer.fit():
        if isinstance(event, Epoch):
            history.add(event)
        if isinstance(event, Tested):
            tested = event
    known = {
        "status": "finished",
        "device": Device("cpu", cores=1),
        "precision": trainer.precision,
        "step": num_steps,
        "num_steps": num_steps,
        "test_correct": tested.correct,
        "test_total": tested.total,
    }
    contents = replace(untrained(spec, **known), steps=history.curves())
    names, said = follow(contents, digits)
    found, expected = names["net"].state_dict(), trainer.weights()
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name
    assert "REPRODUCED exactly" in said
    assert "NOT" not in said
    return said


@pytest.mark.parametrize("schedule", ["constant", "step", "cosine", "one_cycle", "warmup"])
def test_a_rate_changed_by_hand_comes_out_the_same_to_the_last_bit(small, trained, schedule):
    spec = replace(SPEC, schedule=schedule, optimizer="sgd")
    contents = trained(spec, rates={4: 0.002, 9: 0.05})
    assert contents.record.lr_changes == ((4, 0.002), (9, 0.05))
    names, said = follow(contents, small)
    for name, value in contents.weights.items():
        assert torch.equal(names["net"].state_dict()[name], value), name
    assert "REPRODUCED exactly" in said
    assert "changed by hand to 0.002 after step 4" in report(contents)


@pytest.mark.parametrize("folds", [0, 2])
def test_threads_given_up_and_taken_back_are_so_in_the_script(small, trained, folds):
    spec = replace(SPEC, folds=folds, num_epochs=3)
    steps = {0: 3, 4: 1, 9: 2, 17: 1}
    contents = trained(spec, threads=steps)
    stretches = tuple(steps.items())[: None if folds else 3]
    assert contents.record.stretches[: len(stretches)] == stretches
    names, said = follow(contents, small)
    assert torch.get_num_threads() == contents.record.stretches[-1][1]
    for name, value in contents.weights.items():
        assert torch.equal(names["net"].state_dict()[name], value), name
    assert "REPRODUCED exactly" in said
    assert "3; from step 4 on 1; from step 9 on 2" in report(contents)


@pytest.mark.parametrize(
    "changes", [{}, {"schedule": "one_cycle", "shift": 2}, {"batch_size": 59}, {"patience": 1}]
)
@pytest.mark.parametrize("folds", [2, 7])
def test_a_cross_validation_comes_out_the_same_to_the_last_bit(small, folds, changes):
    said = same_steps(replace(SPEC, folds=folds, num_epochs=2, **changes), small)
    assert "FOLDS REPRODUCED exactly" in said
    assert said.count(" of the digits held back are right") == folds


def test_a_cross_validation_that_was_stopped_is_measured_where_it_was(small, trained):
    contents = trained(replace(SPEC, folds=3, num_epochs=2), stop_at=13)
    names, said = follow(contents, small)
    assert (names["step"], len(names["accuracies"])) == (13, 1)
    for name, value in contents.weights.items():
        assert torch.equal(names["net"].state_dict()[name], value), name
    assert "FOLDS REPRODUCED exactly" in said
    assert "REPRODUCED exactly: the same number" in said


@pytest.mark.parametrize("key", PRESETS)
def test_every_preset_comes_out_the_same_to_the_last_bit(small, key):
    spec = PRESETS[key].spec
    same_steps(replace(spec, data="embedded", num_epochs=1, batch_size=32), small)


@pytest.mark.parametrize("changes", EVERYTHING_ON.values(), ids=EVERYTHING_ON)
def test_every_setting_comes_out_the_same_to_the_last_bit(small, changes):
    same_steps(replace(SPEC, **changes), small)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop", "adagrad"])
@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_every_optimizer_comes_out_the_same_to_the_last_bit(small, optimizer, decay):
    same_steps(replace(SPEC, optimizer=optimizer, weight_decay=decay), small)


@given(st.data())
@hypothesis_settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.generate],  # a smaller example would say no more, and takes minutes to find
)
def test_any_run_comes_out_the_same_to_the_last_bit(small, specs, data):
    spec = data.draw(
        specs(
            most=8,
            num_epochs=st.integers(1, 2),
            batch_size=st.integers(8, 100),
            lr=st.floats(1e-5, 0.01),
            data=st.just("embedded"),
            device=st.just("cpu"),
        )
    )
    assume(runnable(spec))
    try:
        same_steps(spec, small)
    except Diverged:
        assume(False)


def test_a_stopped_run_is_measured_where_it_was_stopped(small, trained):
    contents = trained(stop_at=6)
    names, said = follow(contents, small)
    assert names["step"] == 6
    for name, value in contents.weights.items():
        assert torch.equal(names["net"].state_dict()[name], value), name
    assert "REPRODUCED exactly" in said


def test_a_run_that_diverges_does_so_again_at_the_same_step(small):
    spec = replace(
        SPEC, blocks=(BlockSpec(channels=4, activation="none"),), optimizer="sgd", lr=100.0
    )
    with pytest.raises(Diverged) as caught:
        list(Trainer(spec, small, report_s=0.0).fit())
    contents = untrained(
        spec,
        status="diverged",
        device=Device("cpu", cores=1),
        step=caught.value.step - 1,
        num_steps=8,
    )
    names, said = follow(contents, small)
    assert names["step"] == caught.value.step - 1
    assert "REPRODUCED exactly: it diverged at the same step." in said
    _, said = follow(replace(contents, record=replace(contents.record, step=0)), small)
    assert "REPRODUCED within noise: it diverged too" in said
    calm = replace(contents, record=replace(contents.record, spec=SPEC))
    assert "NOT REPRODUCED: here the loss stayed a number." in follow(calm, small)[1]


def test_another_count_is_told_from_chance(small, trained):
    contents = trained()
    total, correct = contents.record.test_total, contents.record.test_correct
    assert (total, correct) == (30, 30)  # else the numbers below mean something else

    def said(count: int) -> str:
        other = replace(contents, record=replace(contents.record, test_correct=count))
        return follow(other, small)[1].splitlines()[-1]

    assert said(30) == "REPRODUCED exactly: the same number of digits."
    # Two standard errors of the difference of two counts of 30.
    share = 29 / 32
    noise = 2 * math.sqrt(2 * 30 * share * (1 - share))
    assert 4 < noise < 5
    assert "the processor or its number of threads is another" in said(28)
    assert said(20).startswith("NOT REPRODUCED: chance alone explains a difference of up to")


def test_a_run_without_a_test_has_nothing_to_compare(small):
    contents = untrained(SPEC, status="interrupted", device=Device("cpu", cores=1), step=3)
    said = follow(contents, small)[1]
    assert "ended before its test: nothing to compare" in said
    assert "REPRODUCED" not in said


def test_the_words_say_what_is_on_and_nothing_else():
    def text(spec: RunSpec) -> str:
        return "\n".join(f"{s.title}\n{s.words}\n{s.code}" for s in lesson(untrained(spec)))

    plain = text(RunSpec())
    for word in ("changed", "schedule =", "smoothing", "manual_seed(SEED)  # for dropout", "math"):
        assert word not in plain.replace("math.sqrt", ""), word
    assert "moved by up to 3 pixels, turned by up to 9 degrees" in text(
        replace(SPEC, shift=3, rotation=9)
    )
    assert "0.1 of the right answer" in text(replace(SPEC, label_smoothing=0.1))


@pytest.mark.parametrize(
    "device", [Device("cuda", "NVIDIA H100"), Device("mps")], ids=["cuda", "mps"]
)
def test_a_run_on_a_gpu_asks_for_one_and_makes_do_without(device):
    code = lesson(untrained(SPEC, device=device))[0].code
    assert f'DEVICE = "{device.key}" if torch.' in code
    assert "set_num_threads" not in code


def test_threads_are_those_of_the_run():
    six = untrained(SPEC, device=Device("cpu", cores=6))
    assert "torch.set_num_threads(6)" in lesson(six)[0].code
    changed = replace(six, record=replace(six.record, stretches=((0, 3), (20, 6))))
    assert "torch.set_num_threads(3)" in lesson(changed)[0].code
    assert "set_num_threads" not in lesson(untrained(SPEC, device=None))[0].code


def as_files(images: torch.Tensor, labels: torch.Tensor) -> tuple[bytes, bytes]:
    """Write a data set as MNIST's two files."""
    shape = b"".join(int(n).to_bytes(4, "big") for n in (2051, len(images), 28, 28))
    head = b"".join(int(n).to_bytes(4, "big") for n in (2049, len(labels)))
    return shape + images.numpy().tobytes(), head + labels.to(torch.uint8).numpy().tobytes()


def test_mnist_is_split_as_the_dashboard_splits_it_and_downloaded_once(tmp_path, monkeypatch):
    labels = torch.randint(0, 10, (60_000,))
    images = torch.arange(60_000 * 784, dtype=torch.int64).to(torch.uint8).view(-1, 1, 28, 28)
    files = [*as_files(images, labels), *as_files(images[:100], labels[:100])]
    packed = {
        f"{file.name}.gz": gzip.compress(content, 1)
        for file, content in zip(MNIST_FILES, files, strict=True)
    }
    asked = []

    def urlopen(address: str) -> io.BytesIO:
        asked.append(address.rsplit("/", 1)[1])
        return io.BytesIO(packed[asked[-1]])

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    monkeypatch.setenv("NETSKETCH_DATA", str(tmp_path))
    code = "import gzip, os, urllib.request\nfrom pathlib import Path\n"
    code += data_code(replace(SPEC, data="mnist"))
    for _ in range(2):
        names = {"np": np, "torch": torch, "train_test_split": train_test_split, "DEVICE": "cpu"}
        exec(code, names)
    assert sorted(asked) == sorted(packed)
    kept, held = train_test_split(
        np.arange(60_000), test_size=5000, stratify=labels.numpy(), random_state=SPLIT_SEED
    )
    for name, rows in (("train", kept), ("validation", held)):
        assert torch.equal(names[f"{name}_labels"], labels[rows]), name
        assert torch.equal(names[f"{name}_images"], images[rows]), name
    assert torch.equal(names["test_images"], images[:100])
    assert torch.equal(names["test_labels"], labels[:100])


@pytest.mark.parametrize("key", PRESETS)
def test_every_line_fits_a_screen_and_every_section_is_python(key):
    for section in lesson(untrained(PRESETS[key].spec)):
        ast.parse(section.code)
        assert max(map(len, section.code.splitlines())) <= 100
