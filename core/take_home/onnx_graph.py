"""The network as ONNX, for other runtimes, phones and browsers.

The graph is written from `core.network.layers`, the list that the module, its source and its
drawing are made from; each layer's entry in the table of operations says which nodes it is, so that
no tracer has to guess them. Pixels go in as they are, uint8 from 0 to 255, and probabilities come
out: what brings pixels to mean 0 and deviation 1 is inside, where nobody can forget it. Every file
is run by onnxruntime and compared with PyTorch before it is handed out. (onnx's own reference
evaluator would need no further package, but takes 2 to 33 s for a preset's 1,000 digits, against at
most 0.3 s: one core of an EPYC, n=1.)

PyTorch's own export would save the nodes of each kind of layer, but it traces through state that
all threads share: of 5 trainings that went on beside it 2 failed and 3 ended with other weights. It
takes 0.5 to 12 s a network against 2 ms, needs two packages more, and unrolls recurrent layers into
1,069 nodes instead of 18 (torch 2.13.0, onnxscript 0.7.2, one thread on 2 busy cores, n=3). The
older one by TorchScript does as well as this one, but is to be removed.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from core.data.catalogue import info_of
from core.data.loading import load
from core.data.preparation import in_words
from core.machine.device import take_one_core
from core.network.layer import IMAGE_SHAPE, Layer
from core.network.layers import Network
from core.network.model import build
from core.spec.codec import to_json
from core.take_home.contents import RunContents, TakeHomeError, one_line
from core.training.batches import normalise
from core.training.memory import evaluation_batch
from core.words.message import N_, message

# Old enough for every runtime of the last years, those of browsers too.
OPSET: Final = 17
IR_VERSION: Final = 8
INPUT: Final = "pixels"
OUTPUT: Final = "probabilities"
# The largest difference between two probabilities that is taken for rounding.
TOLERANCE: Final = 1e-4
# One file of protobuf ends at 2 GiB; the rest of the graph is small.
_MAX_PARAMS: Final = (2**31 - 2**20) // 4


def onnx_file(contents: RunContents, tell: Callable[[str], None] = lambda words: None) -> bytes:
    """Write the network and see that it does what PyTorch's does, on 1,000 digits.

    Args:
        contents: of a run with weights.
        tell: called with what is done at the moment.

    Raises:
        TakeHomeError: there are no weights, or they are too many, or the two disagree.
    """
    tell(N_("Writing the ONNX graph"))
    weights = contents.need_weights()
    if contents.network.params > _MAX_PARAMS:
        raise TakeHomeError(
            message(
                "ONNX keeps a network in one file of at most 2 GB; this one has {params:,} "
                "parameters of 4 bytes. Take its weights as safetensors.",
                params=contents.network.params,
            )
        )
    written: bytes = graph(contents, weights).SerializeToString()
    digits = load("embedded")
    pixels = torch.cat([digits.validation.images, digits.test.images])
    tell(message("Comparing ONNX with PyTorch on {count:,} digits", count=len(pixels)))
    difference = largest_difference(contents, weights, written, pixels)
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


def graph(contents: RunContents, weights: Mapping[str, Tensor]) -> onnx.ModelProto:
    """Write a network with its weights as an ONNX model, and check its form."""
    info = info_of(contents.spec.data)
    plan = _Plan(weights)
    plan.add("Cast", "as_float", to=TensorProto.FLOAT)
    plan.add("Mul", "scaled", plan.constant("scale", np.float32(1 / (255 * info.std))))
    plan.add("Sub", "normalised", plan.constant("shift", np.float32(info.mean / info.std)))
    plan.network(contents.network)
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
                    ["batch", contents.network.num_classes],
                    f"Of {', '.join(info.class_names)}, in this order; they add up to 1.",
                )
            ],
            plan.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="NetSketch",
        doc_string=one_line(contents.record.name),
    )
    helper.set_model_props(model, {"netsketch": to_json(contents.spec)})
    onnx.checker.check_model(model, full_check=True)
    return model


def largest_difference(
    contents: RunContents, weights: Mapping[str, Tensor], written: bytes, pixels: Tensor
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
        model = build(contents.spec)
    model.load_state_dict(dict(weights), assign=True)
    model.eval()
    info, worst = info_of(contents.spec.data), 0.0
    batch = evaluation_batch(contents.spec, contents.network)
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
    """The nodes so far, each applied to what the one before it returns; a `GraphWriter`."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._weights = weights
        self._value = INPUT

    @property
    def value(self) -> str:
        """See `GraphWriter.value`."""
        return self._value

    def add(self, op: str, name: str, *more: str, **attributes: object) -> None:
        """See `GraphWriter.add`."""
        self.add_many(op, name, (name,), *more, goes_on=name, **attributes)

    def add_many(
        self,
        op: str,
        name: str,
        outputs: tuple[str, ...],
        *more: str,
        goes_on: str,
        **attributes: object,
    ) -> None:
        """See `GraphWriter.add_many`."""
        node = helper.make_node(op, [self._value, *more], outputs, name, **attributes)  # type: ignore[arg-type]
        self.nodes.append(node)
        self._value = goes_on

    def constant(self, name: str, value: NDArray[np.float32] | np.float32) -> str:
        """See `GraphWriter.constant`."""
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def numbers(self, name: str, values: list[int]) -> str:
        """See `GraphWriter.numbers`."""
        self.constants.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def weight(self, layer: Layer, name: str) -> Tensor:
        """See `GraphWriter.weight`."""
        return self._weights[f"{layer.name}.{name}"]

    def weights(self, layer: Layer, *names: str) -> list[str]:
        """See `GraphWriter.weights`."""
        keys = [f"{layer.name}.{name}" for name in names]
        found = [key for key in keys if key in self._weights]
        for key in found:
            self.constant(key, self._weights[key].contiguous().numpy())
        return found

    def network(self, network: Network) -> None:
        """Append all layers, and the ways around some blocks."""
        ends = {layer.part: layer.name for layer in network.layers if not layer.is_head}
        part, given = "", INPUT
        for layer in network.layers:
            if layer.part != part:
                part, given = layer.part, self._value
            layer.operation.onnx(layer, self)
            if part in network.residual and layer.name == ends[part]:
                self.add("Add", f"{part}.sum", given)
