from dataclasses import replace

import pytest
import torch
from torch import nn

from core.machine.device import resolve
from core.network.layers import lay_out
from core.runs.how_it_runs import how_it_runs
from core.spec import BlockSpec, DenseSpec, RunSpec
from core.training import precision as precision_module
from core.training.cross_validation import CrossValidation
from core.training.events import Epoch, Steps
from core.training.precision import has_bfloat16, precision_of
from core.training.state import State
from core.training.trainer import Trainer
from tests.core.take_home.conftest import SPEC as SMALL

# 28 x 28 x 25 x 32 multiply-adds and 10 x 14 x 14 x 32: a little more than 690,000 an image.
WIDE = RunSpec(blocks=(BlockSpec(channels=32, kernel_size=5),), dense=(), device="cpu")
HALF = replace(SMALL, device="cpu", precision="bfloat16")


def here(spec: RunSpec) -> str:
    return precision_of(spec, lay_out(spec))


@pytest.fixture
def native(monkeypatch):
    """Let this machine have instructions for bfloat16, or none."""

    def has(answer: bool) -> None:
        monkeypatch.setattr(precision_module, "has_bfloat16", lambda key: answer)

    return has


def test_a_step_that_is_long_enough_is_in_bfloat16_where_the_device_has_it(native):
    native(True)
    assert lay_out(WIDE).multiply_adds == 689_920
    assert here(replace(WIDE, batch_size=36)) == "float32"
    assert here(replace(WIDE, batch_size=37)) == "bfloat16"
    native(False)
    assert here(replace(WIDE, batch_size=512)) == "float32"


def test_of_dense_networks_the_long_steps_gain_and_recurrent_ones_never(native):
    native(True)
    dense = RunSpec(family="dense", dense=(DenseSpec(units=512),), device="cpu")
    assert here(replace(dense, batch_size=512)) == "bfloat16"
    assert here(replace(dense, batch_size=8)) == "float32"
    recurrent = RunSpec(family="recurrent", rnn_units=512, batch_size=512, device="cpu")
    assert here(recurrent) == "float32"


def test_a_gpu_that_has_it_uses_it_for_steps_far_longer_than_a_processors(native):
    gpu = replace(WIDE, device="cuda")
    long = RunSpec(blocks=tuple(BlockSpec(channels=512) for _ in range(3)), device="cuda")
    native(True)
    assert here(replace(gpu, batch_size=512)) == "float32"
    assert here(replace(long, batch_size=8)) == "float32"
    assert here(replace(long, batch_size=256)) == "bfloat16"
    native(False)
    assert here(replace(long, batch_size=256)) == "float32"


@pytest.mark.parametrize("chosen", ["float32", "bfloat16"])
@pytest.mark.parametrize("answer", [True, False])
def test_what_a_person_chooses_is_done(native, chosen, answer):
    native(answer)
    for batch_size in (1, 512):
        assert here(replace(WIDE, batch_size=batch_size, precision=chosen)) == chosen


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx2": True}, False),
        ({"avx512_bf16": False, "amx_bf16": False}, False),
        ({"avx512_bf16": True, "amx_bf16": False}, True),
        ({"amx_bf16": True}, True),
    ],
)
def test_a_processor_has_it_if_it_says_so(monkeypatch, capabilities, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert has_bfloat16.__wrapped__("cpu") is expected
    assert has_bfloat16.__wrapped__("mps") is False


def test_layers_compute_in_bfloat16_in_training_steps_alone(make_digits):
    trainer = Trainer(HALF, make_digits(100), report_s=0.0)
    seen = set()
    for layer in trainer.model:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(
                lambda module, given, made: seen.add((module.training, made.dtype))
            )
    for event in trainer.fit():
        if isinstance(event, Steps):
            assert all(p.dtype == torch.float32 for p in trainer.model.parameters())
            grads = [p.grad.dtype for p in trainer.model.parameters()]
            assert set(grads) == {torch.float32}
    assert seen == {(True, torch.bfloat16), (False, torch.float32)}


def test_the_losses_differ_by_rounding_alone(make_digits):
    def first_losses(precision: str) -> list[float]:
        spec = replace(HALF, precision=precision, num_epochs=1, lr=1e-3)
        events = Trainer(spec, make_digits(100), report_s=0.0).fit()
        return [loss for event in events if isinstance(event, Steps) for loss in event.losses]

    rounded, exact = first_losses("bfloat16"), first_losses("float32")
    assert rounded != exact
    assert rounded == pytest.approx(exact, rel=0.03)


def test_a_run_goes_on_in_the_precision_that_it_began_in(make_digits):
    digits = make_digits(100)
    whole = Trainer(HALF, digits, report_s=0.0)
    list(whole.fit())
    # Where nothing is chosen, this machine computes so short a step in 32-bit floats.
    free = replace(HALF, precision="auto")
    first = Trainer(free, digits, report_s=0.0, precision="bfloat16")
    next(event for event in first.fit() if isinstance(event, Epoch))
    second = Trainer(free, digits, report_s=0.0)
    assert second.precision == "float32"
    second.restore(first.state())
    assert second.precision == "bfloat16"
    list(second.fit())
    for name, value in whole.weights().items():
        assert torch.equal(second.weights()[name], value), name


def test_a_state_of_old_goes_on_in_32_bits(make_digits):
    trainer = Trainer(HALF, make_digits(100))
    state = trainer.state()
    numbers = {name: value for name, value in state.numbers.items() if name != "precision"}
    trainer.restore(State(step=0, epoch=0, tensors=state.tensors, numbers=numbers))
    assert trainer.precision == "float32"


def test_all_folds_are_trained_in_the_precision_of_the_first(make_digits, monkeypatch):
    spec = replace(HALF, precision="auto", folds=2, num_epochs=1)
    monkeypatch.setattr("core.training.trainer.precision_of", lambda spec, network: "bfloat16")
    trainer = CrossValidation(spec, make_digits(100), report_s=0.0)
    monkeypatch.undo()
    precisions = {trainer.precision for event in trainer.fit() if isinstance(event, Epoch)}
    assert precisions == {"bfloat16"}


def test_a_person_is_told_which_numbers_a_run_multiplies():
    assert "; 32-bit floats, channels last" in how_it_runs(WIDE, resolve("cpu"), "float32")
    assert "; bfloat16 between the layers of a training step" in how_it_runs(
        WIDE, resolve("cpu"), "bfloat16"
    )
