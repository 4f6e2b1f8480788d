from dataclasses import replace

import pytest
import torch
from hypothesis import assume, event, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from core.network.layer import IMAGE_SHAPE
from core.network.layers import Network, lay_out
from core.network.model import build
from core.network.operations.recurrent import read_rows
from core.spec import BlockSpec, DenseSpec, RunSpec
from core.spec.presets import PRESETS


def seen_by_hooks(model: nn.Module, image: torch.Tensor) -> dict[str, tuple[torch.Tensor, ...]]:
    """Run one image through; return input and output of every submodule by name."""
    seen: dict[str, tuple[torch.Tensor, ...]] = {}
    for name, module in model.named_children():
        module.register_forward_hook(
            lambda _, args, out, name=name: seen.__setitem__(name, (args[0], out))
        )
    model.eval()
    model(image)
    return seen


def counted_multiply_adds(module: nn.Module, given: torch.Tensor, made: torch.Tensor) -> int:
    """Count as a textbook does: every value made costs one multiply-add for each weight it uses."""
    if isinstance(module, nn.Conv2d):
        per_value = module.weight[0].numel()
        return made[0].numel() * per_value
    if isinstance(module, nn.Linear):
        return given[0].numel() * made[0].numel()
    if isinstance(module, nn.RNNBase):
        # Every weight is used once a row, in each direction.
        return 28 * sum(value.numel() for value in module.parameters() if value.dim() > 1)
    return 0


@given(st.data())
@hypothesis_settings(max_examples=100)
def test_shapes_and_costs_are_those_of_the_module(specs, data):
    spec = data.draw(specs(most=12))
    network = lay_out(spec)
    assume(network.broken is None)
    model = build(spec)
    seen = seen_by_hooks(model, torch.randn(1, *IMAGE_SHAPE))
    event(f"a way around {len(network.residual)} blocks")
    assert [layer.name for layer in network.layers] == list(seen)
    for layer in network.layers:
        module, (given_, made) = model.get_submodule(layer.name), seen[layer.name]
        assert type(module).__name__ == layer.op
        if isinstance(module, nn.RNNBase):
            made = read_rows(module, given_.unsqueeze(1))
        assert layer.shape == tuple(made.shape[1:])
        assert layer.params == sum(p.numel() for p in module.parameters())
        assert layer.multiply_adds == counted_multiply_adds(module, given_, made)
    assert network.params == sum(p.numel() for p in model.parameters())
    assert seen["out"][1].shape == (1, network.num_classes)


def reach(stack: nn.Sequential, side: int) -> int:
    """Return the side of the square of input pixels that a value in the middle depends on."""
    image = torch.rand(1, 1, side, side, requires_grad=True)
    made = stack(image)
    middle = made.shape[-1] // 2
    made[0, :, middle, middle].sum().backward()
    rows = image.grad[0, 0].abs().sum(1).nonzero()
    return int(rows.max() - rows.min()) + 1


@given(st.data())
@hypothesis_settings(max_examples=60)
def test_the_receptive_field_is_what_a_gradient_reaches(specs, data):
    # Average pooling, because max pooling passes the gradient to one pixel alone; a smooth
    # activation, because ReLU may stop it; and weights above 0, so that nothing cancels.
    spec = data.draw(
        specs(
            most=4,
            pool=st.sampled_from(["none", "avg"]),
            norm=st.just("none"),
            activation=st.sampled_from(["tanh", "sigmoid"]),
            dropout=st.just(0.0),
            residual=st.just(False),
            head=st.just("flatten"),
            family=st.just("conv"),
        )
    )
    network = lay_out(spec)
    assume(network.broken is None)
    model = build(spec).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.abs() / 10 + 1e-3)
    stack = nn.Sequential()
    for layer in network.layers:
        if layer.op == "Flatten":
            break
        stack.append(model.get_submodule(layer.name))
        # The image is large, so that its rim plays no part.
        field = reach_or_28(stack)
        assert layer.receptive_field == field
        if field == 28:
            break


def reach_or_28(stack: nn.Sequential) -> int:
    torch.set_default_dtype(torch.float64)
    try:
        return min(28, reach(stack, 300))
    finally:
        torch.set_default_dtype(torch.float32)


def test_the_receptive_field_of_a_known_network():
    spec = RunSpec(blocks=(BlockSpec(), BlockSpec(kernel_size=5, stride=2)), dense=(DenseSpec(),))
    fields = {layer.name: layer.receptive_field for layer in lay_out(spec).layers}
    assert fields == {
        "conv1": 3,
        "act1": 3,
        "pool1": 4,
        "conv2": 12,
        "act2": 12,
        "pool2": 16,
        "flatten": 16,
        "fc1": 28,
        "fc_act1": 28,
        "out": 28,
    }


def test_the_articles_network_has_the_articles_shapes():
    network = lay_out(PRESETS["article"].spec)
    ends = [network.of_part(f"blocks.{i}") for i in range(4)]
    assert [part[2].shape for part in ends] == [(64, 14, 14), (64, 7, 7), (128, 3, 3), (128, 1, 1)]
    assert network.of_part("dense.0")[-1].shape == (512,)
    assert network.layers[-1].shape == (10,)
    assert network.layers[-1].part == "output"
    assert [layer.name for layer in network.layers if layer.op == "Linear"] == ["fc1", "out"]


def broken(*blocks: BlockSpec) -> Network:
    network = lay_out(RunSpec(blocks=blocks))
    assert network.broken is not None
    return network


def test_a_fifth_pooling_breaks_at_block_five():
    network = broken(*[BlockSpec()] * 5)
    assert network.broken.path == "blocks.4.pool"
    assert (network.broken.side, network.broken.window) == (1, 2)
    assert network.broken.message == (
        "Block 5: the image that arrives here is only 1 × 1; a pooling window of 2 × 2 does not "
        "fit into it."
    )
    assert network.layers[-1].name == "act5"


def test_a_kernel_without_a_rim_breaks_where_the_image_is_smaller():
    network = broken(*[BlockSpec()] * 3, BlockSpec(kernel_size=5, padding="valid"))
    assert network.broken.path == "blocks.3.kernel_size"
    assert network.broken.message.startswith("Block 4: the image that arrives here is only 3 × 3")
    assert "kernel of 5 × 5" in network.broken.message


def test_a_rim_of_zeros_always_leaves_room_for_the_kernel():
    block = BlockSpec(kernel_size=7, stride=3, pool="none")
    network = lay_out(RunSpec(blocks=(block,) * 6))
    assert network.broken is None
    assert network.of_part("blocks.5")[0].shape == (16, 1, 1)


@given(st.data())
@hypothesis_settings(max_examples=200)
def test_broken_means_that_torch_refuses_just_there(specs, data):
    pools = st.sampled_from(["max", "avg"])
    spec = data.draw(specs(most=2, pool=pools, residual=st.just(False), family=st.just("conv")))
    network = lay_out(spec)
    assume(network.broken is not None)
    path, window = network.broken.path, network.broken.window
    # Two, as a norm cannot measure a single value.
    image = torch.zeros(2, *IMAGE_SHAPE)
    for layer in network.layers:
        image = getattr(nn, layer.op)(**layer.args).eval()(image)
    assert image.shape[-1] == network.broken.side
    part, field = path.rsplit(".", 1)
    assert field in ("pool", "kernel_size")
    assert all(layer.part <= part for layer in network.layers)
    refused = nn.MaxPool2d(window) if field == "pool" else nn.Conv2d(image.shape[1], 1, window)
    with pytest.raises(RuntimeError):
        refused(image)


def test_the_receptive_field_grows_with_the_pooling_stride():
    blocks = (BlockSpec(pool_size=3, pool_stride=1), BlockSpec(pool_size=3, pool_stride=2))
    layers = lay_out(RunSpec(blocks=blocks, head="global_average")).layers
    fields = {layer.name: (layer.shape, layer.receptive_field) for layer in layers}
    assert fields["pool1"] == ((16, 26, 26), 5)
    assert fields["pool2"] == ((16, 12, 12), 9)
    assert fields["average"] == ((16, 1, 1), 28)
    assert fields["flatten"][0] == (16,)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_recurrent_network_costs_what_torch_says(cell, layers, bidirectional):
    spec = RunSpec(
        family="recurrent", cell=cell, rnn_units=12, rnn_layers=layers, bidirectional=bidirectional
    )
    first = lay_out(spec).layers[0]
    assert first.shape == (24 if bidirectional else 12,)
    module = build(spec).rnn
    assert first.params == sum(value.numel() for value in module.parameters())
    # Cells are plain matrix products, which torch's own counter knows.
    cells = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}
    counted = 0
    for layer in range(layers):
        width = 28 if layer == 0 else first.shape[0]
        with FlopCounterMode(display=False) as counter:
            cells[cell](width, 12)(torch.zeros(1, width))
        counted += 28 * (1 + bidirectional) * counter.get_total_flops() // 2
    assert first.multiply_adds == counted


@pytest.mark.parametrize("dense", [(), (DenseSpec(units=32), DenseSpec(units=8))])
def test_a_dense_network_begins_with_all_pixels_in_a_row(dense):
    layers = lay_out(RunSpec(family="dense", dense=dense, blocks=(BlockSpec(),) * 6)).layers
    assert (layers[0].op, layers[0].shape) == ("Flatten", (784,))
    assert layers[0].part == ("dense.0" if dense else "output")
    assert [layer.shape[0] for layer in layers if layer.op == "Linear"] == (
        [32, 8, 10] if dense else [10]
    )


KEEPS = BlockSpec(channels=4, pool="none", residual=True)


def test_a_block_that_keeps_the_shape_can_be_gone_around():
    network = lay_out(RunSpec(blocks=(BlockSpec(channels=4), KEEPS, KEEPS)))
    assert network.broken is None
    assert network.residual == {"blocks.1", "blocks.2"}
    assert network.last_of_block("blocks.2").name == "act3"
    assert network.of_part("blocks.2")[-1].name == "flatten"


@pytest.mark.parametrize(
    ("change", "made"),
    [
        ({"channels": 5}, "5 × 14 × 14"),
        ({"pool": "max"}, "4 × 7 × 7"),
        ({"pool": "avg", "pool_stride": 1}, "4 × 13 × 13"),
        ({"stride": 2}, "4 × 7 × 7"),
        ({"padding": "valid"}, "4 × 12 × 12"),
    ],
)
def test_a_block_that_changes_the_shape_cannot(change, made):
    network = broken(BlockSpec(channels=4), replace(KEEPS, **change), BlockSpec())
    assert network.broken.path == "blocks.1.residual"
    assert network.broken.message == (
        f"Block 2: its input of 4 × 14 × 14 cannot be added to its output of {made}. "
        "A residual block must keep the number of channels and the image’s size."
    )
    assert network.layers[-1].part == "blocks.1"


def test_batch_norm_takes_the_place_of_the_bias():
    plain, normed = (
        lay_out(RunSpec(blocks=(BlockSpec(channels=8, norm=on),))).layers
        for on in ("none", "batch")
    )
    assert plain[0].params == 8 * 9 + 8
    assert normed[0].params == 8 * 9
    assert normed[1].op == "BatchNorm2d"
    assert normed[1].params == 16
