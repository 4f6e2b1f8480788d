"""The network as ONNX, for other runtimes, phones and browsers.

The graph is written from `core.layers`, the list that the module, its source and its drawing are
made from: a dozen operators, so that no tracer has to guess them. Pixels go in as they are, uint8
from 0 to 255, and probabilities come out: what brings pixels to mean 0 and deviation 1 is inside,
where nobody can forget it. Every file is run by onnxruntime and compared with PyTorch before it is
handed out. (onnx's own reference evaluator would need no further package, but takes 2 to 33 s for
a preset's 1,000 digits, against at most 0.3 s: one core of an EPYC, n=1.)
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from core.batches import normalise
from core.codec import to_json
from core.data import load
from core.datasets.table import info_of
from core.device import take_one_core
from core.layers import IMAGE_SHAPE, Layer, Network
from core.memory import evaluation_batch
from core.message import N_, message
from core.model import build
from core.preparation import in_words
from core.take_home.parcel import Parcel, TakeHomeError, one_line

# Old enough for every runtime of the last years, those of browsers too.
OPSET: Final = 17
IR_VERSION: Final = 8
INPUT: Final = "pixels"
OUTPUT: Final = "probabilities"
# The largest difference between two probabilities that is taken for rounding.
TOLERANCE: Final = 1e-4
# One file of protobuf ends at 2 GiB; the rest of the graph is small.
_MAX_PARAMS: Final = (2**31 - 2**20) // 4
# Operators that are called the same as in PyTorch, or nearly.
_ACTIVATIONS: Final = {"ReLU": "Relu", "Sigmoid": "Sigmoid", "Tanh": "Tanh"}
_POOLS: Final = {"MaxPool2d": "MaxPool", "AvgPool2d": "AveragePool"}


def onnx_file(parcel: Parcel, tell: Callable[[str], None] = lambda words: None) -> bytes:
    """Write the network and see that it does what PyTorch's does, on 1,000 digits.

    Args:
        parcel: of a run with weights.
        tell: called with what is done at the moment.

    Raises:
        TakeHomeError: there are no weights, or they are too many, or the two disagree.
    """
    tell(N_("Writing the ONNX graph"))
    weights = parcel.need_weights()
    if parcel.network.params > _MAX_PARAMS:
        raise TakeHomeError(
            message(
                "ONNX keeps a network in one file of at most 2 GB; this one has {params:,} "
                "parameters of 4 bytes. Take its weights as safetensors.",
                params=parcel.network.params,
            )
        )
    written: bytes = graph(parcel, weights).SerializeToString()
    digits = load("embedded")
    pixels = torch.cat([digits.validation.images, digits.test.images])
    tell(message("Comparing ONNX with PyTorch on {count:,} digits", count=len(pixels)))
    difference = largest_difference(parcel, weights, written, pixels)
    # Not a number is not at most the tolerance.
    if not difference <= TOLERANCE:
        raise TakeHomeError(
            message(
                "The ONNX network is not offered: its probabilities differ from PyTorch’s by up to "
                "{difference:.2g}. Take the weights as safetensors instead.",
                difference=difference,
            )
        )
    return written


def graph(parcel: Parcel, weights: Mapping[str, Tensor]) -> onnx.ModelProto:
    """Write a network with its weights as an ONNX model, and check its form."""
    info = info_of(parcel.spec.data)
    plan = _Plan(weights)
    plan.add("Cast", "as_float", to=TensorProto.FLOAT)
    plan.add("Mul", "scaled", plan.constant("scale", np.float32(1 / (255 * info.std))))
    plan.add("Sub", "normalised", plan.constant("shift", np.float32(info.mean / info.std)))
    plan.network(parcel.network)
    plan.add("Softmax", OUTPUT, axis=1)
    model = helper.make_model(
        helper.make_graph(
            plan.nodes,
            "netsketch",
            [
                helper.make_tensor_value_info(
                    INPUT,
                    TensorProto.UINT8,
                    ["batch", *IMAGE_SHAPE],
                    f"Grey pixels, 0 (black) to 255: {in_words(info)}.",
                )
            ],
            [
                helper.make_tensor_value_info(
                    OUTPUT,
                    TensorProto.FLOAT,
                    ["batch", parcel.network.num_classes],
                    f"Of {', '.join(info.class_names)}, in this order; they add up to 1.",
                )
            ],
            plan.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="NetSketch",
        doc_string=one_line(parcel.record.name),
    )
    helper.set_model_props(model, {"netsketch": to_json(parcel.spec)})
    onnx.checker.check_model(model, full_check=True)
    return model


def largest_difference(
    parcel: Parcel, weights: Mapping[str, Tensor], written: bytes, pixels: Tensor
) -> float:
    """Return by how much the probabilities of onnxruntime and PyTorch differ at most.

    Both compute on one core, as a run may be training on the others.
    """
    # Its library is large, and only this needs it.
    import onnxruntime

    take_one_core()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(written, options, providers=["CPUExecutionProvider"])
    with torch.device("meta"):
        model = build(parcel.spec)
    model.load_state_dict(dict(weights), assign=True)
    model.eval()
    info, worst = info_of(parcel.spec.data), 0.0
    batch = evaluation_batch(parcel.spec, parcel.network)
    for start in range(0, len(pixels), batch):
        some = pixels[start : start + batch]
        with torch.inference_mode():
            logits = model(normalise(some, info.mean, info.std))
            expected = logits.softmax(1).numpy()
        (found,) = session.run([OUTPUT], {INPUT: some.numpy()})
        difference = float(np.abs(found - expected).max())
        worst = difference if np.isnan(difference) else max(worst, difference)
    return worst


class _Plan:
    """The operators so far, each applied to what the one before it returns."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._weights = weights
        self._value = INPUT

    def add(self, op: str, name: str, *more: str, **attributes: object) -> None:
        """Append an operator whose first input is the present value."""
        node = helper.make_node(op, [self._value, *more], [name], name, **attributes)  # type: ignore[arg-type]
        self.nodes.append(node)
        self._value = name

    def constant(self, name: str, value: NDArray[np.float32] | np.float32) -> str:
        """Append a constant and return its name."""
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def network(self, network: Network) -> None:
        """Append all layers, and the ways around some blocks."""
        ends = {layer.part: layer.name for layer in network.layers if not layer.is_head}
        part, given = "", INPUT
        for layer in network.layers:
            if layer.part != part:
                part, given = layer.part, self._value
            self._layer(layer)
            if part in network.residual and layer.name == ends[part]:
                self.add("Add", f"{part}.sum", given)

    def _layer(self, layer: Layer) -> None:
        """Append a layer as it computes when nothing is learned."""
        name, args = layer.name, layer.args
        match layer.op:
            case "Conv2d":
                size, stride = int(args["kernel_size"]), int(args.get("stride", 1))
                self.add(
                    "Conv",
                    name,
                    *self._kept(name, "weight", "bias"),
                    kernel_shape=[size] * 2,
                    strides=[stride] * 2,
                    pads=[int(args.get("padding", 0))] * 4,
                )
            case "BatchNorm2d":
                kept = self._kept(name, "weight", "bias", "running_mean", "running_var")
                self.add("BatchNormalization", name, *kept, epsilon=1e-5)
            case "MaxPool2d" | "AvgPool2d":
                size = int(args["kernel_size"])
                stride = int(args.get("stride", size))
                self.add(_POOLS[layer.op], name, kernel_shape=[size] * 2, strides=[stride] * 2)
            case "AdaptiveAvgPool2d":
                self.add("GlobalAveragePool", name)
            case "Flatten":
                self.add("Flatten", name, axis=1)
            case "Linear":
                self.add("Gemm", name, *self._kept(name, "weight", "bias"), transB=1)
            case "RNN" | "LSTM" | "GRU":
                self._recurrent(layer)
            case "LeakyReLU":
                self.add("LeakyRelu", name, alpha=0.01)
            case "ELU":
                self.add("Elu", name, alpha=1.0)
            case "SiLU":
                x = self._value
                self.add("Sigmoid", f"{name}.share")
                self.add("Mul", name, x)
            case "GELU":
                self._gelu(name)
            case "Dropout" | "Dropout2d":
                pass
            case op if op in _ACTIVATIONS:
                self.add(_ACTIVATIONS[op], name)
            case op:
                raise TakeHomeError(
                    message(
                        "There is no ONNX network: {layer} cannot be written as ONNX yet.", layer=op
                    )
                )

    def _recurrent(self, layer: Layer) -> None:
        """Append layers that read the image row by row, and what they remember at the end."""
        name, units = layer.name, int(layer.args["hidden_size"])
        ways = ["", "_reverse"] if layer.args.get("bidirectional") else [""]
        self.add("Squeeze", f"{name}.rows", self.numbers(f"{name}.axis", [1]))
        # ONNX has the steps first and the images second.
        self.add("Transpose", f"{name}.in_steps", perm=[1, 0, 2])
        attributes = {"hidden_size": units}
        if layer.op == "GRU":
            attributes["linear_before_reset"] = 1
        depth = int(layer.args.get("num_layers", 1))
        for i in range(depth):
            given = [
                self.constant(f"{name}.{kind}{i}", self._gates(layer, keys, f"_l{i}", ways))
                for kind, keys in (
                    ("W", ["weight_ih"]),
                    ("R", ["weight_hh"]),
                    ("B", ["bias_ih", "bias_hh"]),
                )
            ]
            every, last = f"{name}.every{i}", f"{name}.last{i}"
            node = helper.make_node(
                layer.op,
                [self._value, *given],
                [every, last],
                f"{name}.layer{i}",
                direction="bidirectional" if len(ways) > 1 else "forward",
                **attributes,  # type: ignore[arg-type]
            )
            self.nodes.append(node)
            # (steps, ways, images, units) for the next layer; of the last, (ways, images, units).
            self._value = every if i + 1 < depth else last
            if i + 1 < depth:
                self.add("Transpose", f"{every}.turned", perm=[0, 2, 1, 3])
                shape = self.numbers(f"{every}.shape", [0, 0, -1])
                self.add("Reshape", f"{every}.joined", shape)
        self.add("Transpose", f"{name}.turned", perm=[1, 0, 2])
        self.add("Reshape", name, self.numbers(f"{name}.shape", [0, -1]))

    def _gates(
        self, layer: Layer, keys: list[str], place: str, ways: list[str]
    ) -> NDArray[np.float32]:
        """Return the weights of each direction, its gates in the order in which ONNX has them."""
        order = {"RNN": [0], "LSTM": [0, 3, 1, 2], "GRU": [1, 0, 2]}[layer.op]
        found = []
        for way in ways:
            parts = []
            for key in keys:
                value = self._weights[f"{layer.name}.{key}{place}{way}"]
                gates = value.chunk(len(order))
                parts += [gates[i] for i in order]
            found.append(torch.cat(parts))
        made: NDArray[np.float32] = torch.stack(found).contiguous().numpy()
        return made

    def numbers(self, name: str, values: list[int]) -> str:
        """Append whole numbers, such as a shape, and return their name."""
        self.constants.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def _gelu(self, name: str) -> None:
        """Multiply by the share of a normal distribution below; no operator before opset 20."""
        x = self._value
        self.add("Div", f"{name}.scaled", self.constant(f"{name}.root", np.float32(2**0.5)))
        self.add("Erf", f"{name}.erf")
        self.add("Add", f"{name}.share", self.constant(f"{name}.one", np.float32(1)))
        self.add("Mul", f"{name}.double", x)
        self.add("Mul", name, self.constant(f"{name}.half", np.float32(0.5)))

    def _kept(self, layer: str, *names: str) -> list[str]:
        """Append those of a layer's tensors that it has, and return their names."""
        found = [f"{layer}.{name}" for name in names if f"{layer}.{name}" in self._weights]
        for name in found:
            self.constant(name, self._weights[name].contiguous().numpy())
        return found
