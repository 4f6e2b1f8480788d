import ctypes.util
import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch import nn

from core.network.layers import lay_out
from core.network.model import build, in_fast_order, initialise, memory_format_of, source
from core.spec import BlockSpec, DenseSpec, RunSpec, SpecError
from core.spec.codec import to_json
from core.spec.presets import PRESETS


def module_of(text: str) -> torch.nn.Module:
    """Execute the text as a person who pastes it would, and build its network."""
    namespace: dict[str, object] = {"__name__": "pasted"}
    exec(text, namespace)
    assert namespace["logits"].shape[0] == 2
    return namespace["Net"]()


def drawn(spec: RunSpec, seed: int) -> dict[str, torch.Tensor]:
    model = build(spec)
    initialise(model, seed)
    return model.state_dict()


def same_logits(spec: RunSpec, other: torch.nn.Module) -> None:
    model = build(spec)
    assert {k: v.shape for k, v in model.state_dict().items()} == {
        k: v.shape for k, v in other.state_dict().items()
    }
    other.load_state_dict(model.state_dict())
    images = torch.randn(3, 1, 28, 28)
    for way in (True, False):
        # In training mode dropout draws: the same draws, layer by layer, must come out the same.
        torch.manual_seed(1)
        ours = model.train(way)(images)
        torch.manual_seed(1)
        theirs = other.train(way)(images)
        assert torch.equal(ours, theirs)


@given(st.data())
@hypothesis_settings(max_examples=60)
def test_the_source_text_is_the_network_that_is_trained(specs, data):
    spec = data.draw(specs(most=12))
    network = lay_out(spec)
    assume(network.broken is None)
    same_logits(spec, module_of(source(network)))


@pytest.mark.parametrize("key", PRESETS)
def test_the_source_of_every_preset_runs(key):
    spec = PRESETS[key].spec
    same_logits(spec, module_of(source(lay_out(spec))))


def test_the_source_reads_as_people_write():
    text = source(lay_out(PRESETS["article"].spec))
    assert "nn.Conv2d(1, 64, kernel_size=3, padding=1)" in text
    assert "nn.Linear(128, 512)" in text
    assert "x = self.pool3(self.act3(self.conv3(x)))  # 128 × 3 × 3" in text
    assert "x = self.flatten(self.pool4(self.act4(self.conv4(x))))  # 128\n" in text
    assert "netsketch" not in text.lower()


@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_recurrent_network_reads_rows_from_the_top_and_from_the_bottom(bidirectional):
    spec = RunSpec(family="recurrent", cell="gru", rnn_units=6, bidirectional=bidirectional)
    model, image = build(spec), torch.randn(1, 1, 28, 28)

    def read(rows, suffix):
        cell = nn.GRUCell(28, 6)
        cell.load_state_dict(
            {
                name: getattr(model.rnn, f"{name}_l0{suffix}").detach()
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            }
        )
        memory = torch.zeros(1, 6)
        for row in rows:
            memory = cell(row[None], memory)
        return memory

    rows = list(image[0, 0])
    remembered = [read(rows, "")]
    if bidirectional:
        remembered.append(read(reversed(rows), "_reverse"))
    expected = model.out(torch.cat(remembered, 1))
    torch.testing.assert_close(model(image), expected)


def test_the_source_of_recurrent_and_dense_networks_reads_as_people_write():
    text = source(lay_out(RunSpec(family="recurrent", rnn_units=32, rnn_layers=2)))
    assert "nn.GRU(28, 32, num_layers=2, batch_first=True)" in text
    assert "x, _ = self.rnn(x.squeeze(1))  # 28 rows of 28 pixels, one after another" in text
    assert "x = x[:, -1]  # what is remembered after the last row: 32" in text
    both = source(lay_out(RunSpec(family="recurrent", cell="lstm", bidirectional=True)))
    assert "x = torch.cat([x[:, -1, :64], x[:, 0, 64:]], 1)  # 128" in both
    dense = source(lay_out(RunSpec(family="dense", dense=(DenseSpec(units=9),))))
    assert "x = self.fc_act1(self.fc1(self.flatten(x)))  # 9" in dense


@pytest.mark.parametrize("init", ["kaiming", "xavier"])
def test_each_gate_of_a_recurrent_layer_is_a_matrix_of_its_own(init):
    model = build(RunSpec(family="recurrent", cell="lstm", rnn_units=200))
    initialise(model, 3, init)
    for gate in model.rnn.weight_hh_l0.split(200):
        wanted = 2 / 200 if init == "kaiming" else 2 / 400
        assert gate.var().item() == pytest.approx(wanted, rel=0.1)
    assert not model.rnn.bias_hh_l0.any()


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_recurrent_weights_can_be_taken_over_without_memory_of_their_own(cell):
    spec = RunSpec(family="recurrent", cell=cell, bidirectional=True)
    model, images = build(spec), torch.randn(2, 1, 28, 28)
    with torch.device("meta"):
        other = build(spec)
    other.load_state_dict(model.state_dict(), assign=True)
    with torch.inference_mode():
        assert torch.equal(other(images), model(images))


KEEPS = BlockSpec(channels=8, pool="none", residual=True, norm="batch", dropout=0.1)


def test_a_residual_block_adds_its_input_to_what_it_makes():
    first = BlockSpec(channels=8, activation="none")
    spec = RunSpec(blocks=(first, KEEPS, replace(KEEPS, activation="none")), head="global_average")
    model, images = build(spec).eval(), torch.randn(3, 1, 28, 28)
    x = model.pool1(model.conv1(images))
    x = x + model.act2(model.norm2(model.conv2(x)))
    x = x + model.norm3(model.conv3(x))
    expected = model.out(x.mean((2, 3)))
    torch.testing.assert_close(model(images), expected)
    assert torch.equal(in_fast_order(model)(images), model(images))
    text = source(lay_out(spec))
    assert "x = x + self.drop2(self.act2(self.norm2(self.conv2(x))))  # 8 × 14 × 14" in text
    assert "x = x + self.drop3(self.norm3(self.conv3(x)))  # 8 × 14 × 14" in text
    assert "x = self.flatten(self.average(x))  # 8\n" in text
    same_logits(spec, module_of(text))


@pytest.mark.parametrize("pool", ["none", "max"])
def test_the_fast_order_keeps_the_way_around(pool):
    tail = BlockSpec(channels=8, pool=pool)
    model = build(RunSpec(blocks=(BlockSpec(channels=8), KEEPS, tail))).eval()
    images = torch.randn(3, 1, 28, 28)
    assert torch.equal(in_fast_order(model)(images), model(images))


@pytest.mark.parametrize("init", ["kaiming", "xavier"])
def test_first_weights_are_spread_as_the_rule_says(init):
    spec = RunSpec(
        blocks=(BlockSpec(channels=64, kernel_size=5, norm="batch"), BlockSpec(channels=32)),
        dense=(DenseSpec(units=64),),
    )
    model = build(spec)
    initialise(model, 3, init)
    for name, layer in model.named_children():
        if not isinstance(layer, nn.Conv2d | nn.Linear):
            continue
        fan_in = layer.weight[0].numel()
        fan_out = layer.weight[:, 0].numel()
        wanted = 2 / fan_in if init == "kaiming" else 2 / (fan_in + fan_out)
        assert layer.weight.var().item() == pytest.approx(wanted, rel=0.15), name
        assert layer.bias is None or not layer.bias.any()
    assert torch.equal(model.norm1.weight, torch.ones(64))


def test_every_rule_draws_each_layer_from_a_seed_of_its_own():
    spec = PRESETS["small"].spec
    for init in ("default", "kaiming", "xavier"):
        one, other = build(spec), build(spec.with_value("blocks.1.channels", 24))
        initialise(one, 3, init)
        initialise(other, 3, init)
        assert torch.equal(one.conv1.weight, other.conv1.weight)
        assert torch.equal(one.out.weight, other.out.weight)


def test_the_source_of_a_broken_network_still_shows_its_first_layers():
    text = source(lay_out(RunSpec(blocks=(BlockSpec(),) * 5)))
    assert "self.conv5" in text
    assert "self.pool5" not in text


def test_the_source_runs_where_batch_norm_meets_a_single_pixel():
    spec = RunSpec(blocks=(*(BlockSpec(channels=2),) * 4, BlockSpec(pool="none", norm="batch")))
    same_logits(spec, module_of(source(lay_out(spec))))


def test_the_same_seed_draws_the_same_weights():
    spec = PRESETS["small"].spec
    first, again, other = drawn(spec, 3), drawn(spec, 3), drawn(spec, 4)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])


def test_layers_of_the_same_name_and_shape_begin_alike_in_different_networks():
    spec = PRESETS["small"].spec
    one, other = drawn(spec, 3), drawn(spec.with_value("blocks.1.channels", 24), 3)
    assert torch.equal(one["conv1.weight"], other["conv1.weight"])
    assert torch.equal(one["out.bias"], other["out.bias"])
    assert one["conv2.weight"].shape != other["conv2.weight"].shape
    assert one["conv3.weight"].shape != other["conv3.weight"].shape


def test_first_weights_are_spread_as_pytorch_spreads_them():
    spec = RunSpec(blocks=(BlockSpec(channels=64, kernel_size=5),), dense=(DenseSpec(units=64),))
    found = drawn(spec, 0)
    torch.manual_seed(0)
    for name, usual in build(spec).state_dict().items():
        assert found[name].std().item() == pytest.approx(usual.std().item(), rel=0.3), name
        assert found[name].abs().max() <= usual.abs().max() * 1.3


def test_an_impossible_network_is_refused_with_its_block():
    with pytest.raises(SpecError, match=r"^Block 5: ") as caught:
        build(RunSpec(blocks=(BlockSpec(),) * 5))
    assert caught.value.where == "blocks.4.pool"


def test_a_model_can_be_built_without_memory():
    spec = RunSpec(blocks=(BlockSpec(channels=512, pool="none"),) * 6)
    with torch.device("meta"):
        model = build(spec)
    assert all(p.is_meta for p in model.parameters())
    assert sum(p.numel() for p in model.parameters()) == lay_out(spec).params


@pytest.mark.parametrize("pool_size", [2, 3])
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_the_fast_order_changes_no_bit_of_output_or_gradient(pool_size, norm):
    block = BlockSpec(channels=8, norm=norm, pool_size=pool_size)
    model = build(RunSpec(blocks=(block, block), dense=(DenseSpec(units=16),)))
    x, seen = torch.randn(16, 1, 28, 28), []
    for forward in (model, in_fast_order(model)):
        model.zero_grad()
        logits = forward(x)
        logits.square().sum().backward()
        seen.append([logits.detach(), *(value.grad for value in model.parameters())])
    for before, after in zip(*seen, strict=True):
        assert before.abs().sum() > 0 or norm == "batch"  # a bias before batch norm has no gradient
        assert torch.equal(before, after)


@given(st.data())
@hypothesis_settings(max_examples=40)
def test_no_order_of_a_block_is_changed_by_the_fast_one(specs, data):
    spec = data.draw(specs(most=8, family=st.just("conv")))
    network = lay_out(spec)
    assume(network.broken is None)
    assume(not any(layer.operation.spread_of(layer) == 1 for layer in network.layers))
    model, seen = build(spec), []
    x = torch.randn(4, 1, 28, 28).to(memory_format=memory_format_of(network))
    model.to(memory_format=memory_format_of(network))
    for forward in (model, in_fast_order(model)):
        model.zero_grad()
        torch.manual_seed(3)
        logits = forward(x)
        logits.square().sum().backward()
        seen.append([logits.detach(), *(value.grad for value in model.parameters())])
    assert all(torch.equal(before, after) for before, after in zip(*seen, strict=True))


@pytest.mark.parametrize(
    ("order", "step"),
    [
        ("norm-act-pool-drop", "self.drop1(self.pool1(self.act1(self.norm1(self.conv1(x)))))"),
        ("act-norm-pool-drop", "self.drop1(self.pool1(self.norm1(self.act1(self.conv1(x)))))"),
        ("drop-pool-act-norm", "self.norm1(self.act1(self.pool1(self.drop1(self.conv1(x)))))"),
    ],
)
def test_the_source_follows_the_order_of_a_block(order, step):
    block = BlockSpec(channels=8, norm="group", dropout=0.1, order=order)
    spec = RunSpec(blocks=(block,))
    text = source(lay_out(spec))
    assert f"{step}" in text
    same_logits(spec, module_of(text))


def test_in_the_fast_order_relu_works_on_pooled_images_only():
    block = BlockSpec(channels=8)
    model = build(RunSpec(blocks=(block, replace(block, pool="avg"))))
    shapes = []
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(lambda _, inputs, out: shapes.append(tuple(out.shape[2:])))
    in_fast_order(model)(torch.zeros(2, 1, 28, 28))
    assert shapes == [(14, 14), (14, 14)]  # an average of ReLUs is not the ReLU of an average


@pytest.mark.parametrize("key", PRESETS)
def test_every_preset_has_the_fast_memory_order(key):
    assert memory_format_of(lay_out(PRESETS[key].spec)) == torch.channels_last


# Few channels through a 1 x 1 window with a stride: with channels last, oneDNN 3.12 writes beyond
# its buffer at every backward pass.
DANGEROUS = RunSpec(
    blocks=(
        BlockSpec(channels=6, pool="none"),
        BlockSpec(channels=13, kernel_size=1, stride=2, pool="none"),
    ),
    head="global_average",
    batch_size=13,
    device="cpu",
)
TRAIN = """
import torch
from core.spec.codec import from_json
from core.data.loading import Digits, Split
from core.training.trainer import Trainer

few = Split(torch.randint(0, 256, (65, 1, 28, 28), dtype=torch.uint8), torch.arange(65) % 10)
for _ in Trainer(from_json({spec!r}), Digits("noise", "Noise", few, few, few)).fit():
    pass
print("trained")
"""


def test_a_network_that_onednn_would_spoil_the_memory_with_trains():
    assert memory_format_of(lay_out(DANGEROUS)) == torch.contiguous_format
    wide = DANGEROUS.with_value("blocks.0.channels", 16)
    assert memory_format_of(lay_out(wide)) == torch.channels_last
    # Where glibc's checking allocator is at hand, the first write beyond a buffer ends the process.
    library = ctypes.util.find_library("c_malloc_debug")
    checked = {"LD_PRELOAD": library, "MALLOC_CHECK_": "3"} if library else {}
    done = subprocess.run(
        [sys.executable, "-c", TRAIN.format(spec=to_json(replace(DANGEROUS, num_epochs=8)))],
        env=os.environ | checked,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "trained\n"), done.stderr[-600:]


def test_its_gradients_are_those_of_a_picture_of_fewer_pixels():
    torch.manual_seed(0)
    conv = nn.Conv2d(6, 13, 1, stride=2)
    alike = nn.Conv2d(6, 13, 1)
    alike.load_state_dict(conv.state_dict())
    images = torch.randn(13, 6, 28, 28)
    conv(images).square().sum().backward()
    alike(images[:, :, ::2, ::2]).square().sum().backward()
    assert torch.allclose(conv.weight.grad, alike.weight.grad, rtol=1e-4)
