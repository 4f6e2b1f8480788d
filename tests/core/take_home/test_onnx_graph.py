"""ONNX says what PyTorch says, or is not handed out."""

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.data.loading import load
from core.judging.prediction import probabilities
from core.network.model import build, initialise
from core.spec import RunSpec
from core.spec.presets import PRESETS
from core.take_home import onnx_graph
from core.take_home.contents import RunContents, TakeHomeError
from core.take_home.onnx_graph import TOLERANCE, largest_difference, onnx_file
from tests.core.take_home.conftest import SPEC, runnable, untrained


def with_weights(spec: RunSpec, seed: int = 0) -> RunContents:
    """A run whose weights are nobody's first: batch norm has seen something."""
    model = build(spec)
    initialise(model, seed)
    generator = torch.Generator().manual_seed(seed)
    for name, value in model.named_buffers():
        if value.is_floating_point():
            noise = torch.rand(value.shape, generator=generator)
            value.copy_(noise + 0.5 if name.endswith("var") else noise - 0.5)
    with torch.no_grad():
        for value in model.parameters():
            value.mul_(1.5)
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    return replace(untrained(spec, status="finished"), weights=weights)


@pytest.fixture(scope="module")
def digits() -> torch.Tensor:
    """1,000 digits that are not trained on."""
    data = load("embedded")
    return torch.cat([data.validation.images, data.test.images])


def run(written: bytes, pixels: torch.Tensor) -> np.ndarray:
    session = onnxruntime.InferenceSession(written, providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], {"pixels": pixels.numpy()})[0]


@pytest.mark.parametrize("key", PRESETS)
def test_every_preset_agrees_on_1000_digits(key, digits):
    contents = with_weights(PRESETS[key].spec)
    told = []
    written = onnx_file(contents, told.append)
    assert len(digits) == 1000
    assert largest_difference(contents, contents.weights, written, digits) <= TOLERANCE == 1e-4
    assert told == ["Writing the ONNX graph", "Comparing ONNX with PyTorch on 1,000 digits"]
    found = run(written, digits[:1])
    expected = probabilities(contents.spec, contents.weights, digits[:1])
    assert np.abs(found[0] - expected.numpy()).max() <= TOLERANCE


@given(st.data())
@hypothesis_settings(max_examples=60)
def test_any_network_agrees(digits, specs, data):
    spec = data.draw(specs(most=8, batch_size=st.integers(8, 100), device=st.just("cpu")))
    assume(runnable(spec))
    contents = with_weights(spec, seed=data.draw(st.integers(0, 99)))
    written = onnx_graph.graph(contents, contents.weights).SerializeToString()
    assert largest_difference(contents, contents.weights, written, digits[:8]) <= TOLERANCE


@pytest.mark.parametrize("count", [1, 3, 64])
def test_any_number_of_images_goes_in(count, digits):
    written = onnx_file(with_weights(SPEC))
    found = run(written, digits[:count])
    assert found.shape == (count, 10)
    assert found.dtype == np.float32
    assert np.allclose(found.sum(1), 1, atol=1e-5)


def test_the_file_says_what_goes_in_and_what_comes_out():
    contents = with_weights(SPEC)
    model = onnx.load_from_string(onnx_file(contents))
    (pixels,), (out,) = model.graph.input, model.graph.output
    assert (pixels.name, out.name) == ("pixels", "probabilities")
    assert pixels.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert [d.dim_param or d.dim_value for d in pixels.type.tensor_type.shape.dim] == [
        "batch",
        1,
        28,
        28,
    ]
    assert "0 (black) to 255" in pixels.doc_string
    assert "Dropout" not in {node.op_type for node in model.graph.node}
    assert {prop.key for prop in model.metadata_props} == {"netsketch"}


def test_pixels_other_than_bytes_are_refused_by_the_runtime(digits):
    session = onnxruntime.InferenceSession(
        onnx_file(with_weights(SPEC)), providers=["CPUExecutionProvider"]
    )
    with pytest.raises(Exception, match="uint8"):
        session.run(None, {"pixels": digits[:1].float().numpy()})


@pytest.mark.parametrize("spoilt", [1.02, float("nan")])
def test_a_graph_that_disagrees_is_not_handed_out(monkeypatch, spoilt):
    contents = with_weights(SPEC)
    sound = onnx_graph.graph

    def wrong(contents: RunContents, weights: dict[str, torch.Tensor]) -> onnx.ModelProto:
        name = next(name for name in weights if name.endswith("weight"))
        return sound(contents, weights | {name: weights[name] * spoilt})

    monkeypatch.setattr(onnx_graph, "graph", wrong)
    with pytest.raises(TakeHomeError, match="is not offered: its probabilities differ") as caught:
        onnx_file(contents)
    assert str(caught.value).endswith("Take the weights as safetensors instead.")


def test_a_network_too_large_for_one_file_is_told(monkeypatch):
    monkeypatch.setattr(onnx_graph, "_MAX_PARAMS", 100)
    with pytest.raises(TakeHomeError, match="at most 2 GB; this one has"):
        onnx_file(with_weights(SPEC))


def test_without_weights_there_is_nothing_to_write():
    with pytest.raises(TakeHomeError, match="has no weights"):
        onnx_file(untrained(SPEC))
