import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from core.network.layers import lay_out
from core.spec import BlockSpec, DenseSpec, RunSpec
from core.spec.codec import to_json
from core.spec.presets import PRESETS
from core.training.memory import step_memory

ROOT = Path(__file__).resolve().parents[3]

# Trains some steps, evaluates and copies the weights out as a run does, with malloc set as it is
# for runs; prints by how many bytes the most memory ever held exceeds what was held before the
# network was built.
MEASURE = """
import resource, sys
from collections import deque
import torch
from core.spec.codec import from_json
from core.data.loading import Digits, Split
from core.machine.device import keep_freed_memory
from core.spec import BlockSpec, RunSpec
from core.training.events import Pulse
from core.training.trainer import Trainer

keep_freed_memory()
torch.set_num_threads(2)
def peak():
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Not ru_maxrss, which on Linux begins with what the parent had.
    with open("/proc/self/status") as status:
        return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))
def split(count):
    images = torch.randint(0, 256, (count, 1, 28, 28), dtype=torch.uint8)
    return Split(images, torch.arange(count) % 10)
spec = from_json(sys.stdin.read())
def digits(spec):
    steps = max(2, min(8, 1500 // spec.batch_size))
    return Digits("noise", "Noise", split(steps * spec.batch_size), split(500), split(500))
# What PyTorch imports and sets up when it is first used is no matter of the network.
first = RunSpec(blocks=(BlockSpec(channels=1),), batch_size=2, num_epochs=1, device="cpu")
for event in Trainer(first, digits(first)).fit():
    pass
before = peak()
trainer = Trainer(spec, digits(spec))
kept = deque(maxlen=2)
for event in trainer.fit():
    if not isinstance(event, Pulse):
        kept.append(trainer.weights())
print(peak() - before)
"""


def measured(spec: RunSpec) -> int:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE],
        input=to_json(replace(spec, num_epochs=1, device="cpu")),
        cwd=ROOT,
        # Threads that sleep while they wait take the same memory, and little time beside others.
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "PASSIVE"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


WIDE_1 = BlockSpec(channels=256, kernel_size=1, pool="none")


@pytest.mark.parametrize(
    "spec",
    [
        *(
            pytest.param(
                replace(PRESETS["article"].spec, batch_size=256, precision=precision),
                id=f"article in {precision}",
            )
            for precision in ("float32", "bfloat16")
        ),
        pytest.param(
            RunSpec(
                blocks=(BlockSpec(channels=48, pool="avg", pool_size=3, pool_stride=1),) * 3,
                dense=(DenseSpec(units=2048),),
                batch_size=128,
                precision="bfloat16",
            ),
            id="bfloat16, average pooling, many weights",
        ),
        pytest.param(
            RunSpec(
                blocks=(BlockSpec(channels=4),),
                dense=(DenseSpec(units=4096), DenseSpec(units=4096)),
                optimizer="rmsprop",
                weight_decay=0.01,
                batch_size=4,
            ),
            id="many weights",
        ),
        pytest.param(
            RunSpec(
                blocks=(WIDE_1, *(replace(WIDE_1, activation="elu", residual=True),) * 3),
                batch_size=64,
                head="global_average",
            ),
            id="ways around wide blocks",
        ),
        *(
            pytest.param(
                RunSpec(
                    family="recurrent",
                    cell=cell,
                    rnn_units=256,
                    rnn_layers=2,
                    bidirectional=True,
                    batch_size=256,
                ),
                id=cell,
            )
            for cell in ("rnn", "lstm", "gru")
        ),
        pytest.param(RunSpec(blocks=(WIDE_1, WIDE_1), batch_size=2), id="wide in small batches"),
        *(
            pytest.param(
                RunSpec(
                    blocks=(
                        BlockSpec(channels=64, norm="group", order="act-norm-pool-drop"),
                        *(
                            BlockSpec(
                                channels=128,
                                norm=norm,
                                pool="none",
                                convolution="depthwise_separable",
                            )
                            for norm in ("layer", "group")
                        ),
                    ),
                    batch_size=128,
                    precision=precision,
                ),
                id=f"separable, group and layer norm in {precision}",
            )
            for precision in ("float32", "bfloat16")
        ),
        pytest.param(
            RunSpec(
                blocks=(BlockSpec(channels=1, stride=3),),
                batch_size=8192,
                shift=2,
                rotation=10,
                elastic=1.0,
            ),
            id="changed images in large batches",
        ),
    ],
)
def test_the_estimate_is_no_less_than_what_a_run_takes(spec):
    estimate = step_memory(spec, lay_out(spec)).total
    taken = measured(spec)
    assert 0.25 * estimate < taken < estimate


def test_the_best_epoch_s_weights_count():
    spec = RunSpec(dense=(DenseSpec(units=512),))
    kept = replace(spec, keep_best=True)
    more = step_memory(kept, lay_out(kept)).weights - step_memory(spec, lay_out(spec)).weights
    assert more == 4 * lay_out(spec).params


def test_activations_in_bfloat16_are_half_as_large():
    blocks = (BlockSpec(channels=64, pool="none"),) * 6
    exact, rounded = (
        step_memory(spec, lay_out(spec))
        for spec in (RunSpec(blocks=blocks, precision=p) for p in ("float32", "bfloat16"))
    )
    assert 0.5 * exact.activations < rounded.activations < 0.6 * exact.activations
    assert rounded.weights > exact.weights


def test_an_estimate_of_a_giant_takes_no_memory():
    spec = RunSpec(
        blocks=(BlockSpec(channels=512, kernel_size=7, pool="none"),) * 6,
        dense=(DenseSpec(units=4096),) * 3,
        batch_size=8192,
        precision="float32",
    )
    memory = step_memory(spec, lay_out(spec))
    assert memory.weights > 512 * 28 * 28 * 4096 * 4
    assert memory.activations > 8192 * 6 * 512 * 28 * 28 * 4
    assert memory.total > memory.weights + memory.activations


def test_what_costs_memory_counts():
    base = RunSpec(blocks=(BlockSpec(channels=64), BlockSpec(channels=64)), batch_size=256)

    def total(spec: RunSpec) -> int:
        return step_memory(spec, lay_out(spec)).total

    assert total(replace(base, batch_size=512)) > 1.5 * total(base)
    assert total(base.with_value("blocks.0.channels", 128)) > 1.3 * total(base)
    assert total(base.with_value("blocks.0.pool", "none")) > total(base)
    assert total(base.with_value("optimizer", "sgd")) < total(base)
    assert total(replace(base, elastic=1.0)) == total(base)  # gone before the network takes more
    pixel = replace(base, blocks=(BlockSpec(channels=1, stride=3),))
    assert total(replace(pixel, elastic=1.0)) > total(pixel)
    memory = step_memory(base, lay_out(base))
    assert step_memory(base, lay_out(base), 512).activations == 2 * memory.activations
    assert step_memory(base, lay_out(base), 512).weights == memory.weights


def test_another_batch_counts_with_the_floats_that_it_would_have(monkeypatch):
    monkeypatch.setattr("core.training.precision.has_bfloat16", lambda key: True)
    spec = RunSpec(blocks=(BlockSpec(channels=153, kernel_size=1),), batch_size=64, device="cpu")
    network = lay_out(spec)
    for batch in (1, 8, 32, 64, 256):
        smaller = replace(spec, batch_size=batch)
        assert step_memory(spec, network, batch) == step_memory(smaller, network)
