import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.network.layers import lay_out
from core.spec import BlockSpec, DenseSpec, RunSpec
from core.spec.presets import DEFAULT, PRESETS
from pages.parts.build.network_figure import network_figure
from pages.shared.palette import DARK, LIGHT

ARTICLE = PRESETS["article"].spec
FIFTH = replace(ARTICLE, blocks=(*ARTICLE.blocks, ARTICLE.blocks[-1]))
FACES = 3


def drawn(spec, lit="blocks.0", colours=LIGHT):
    """The figure as the browser gets it."""
    return json.loads(network_figure(spec, lay_out(spec), lit, colours).to_json())


def boxes(figure):
    """Front, top and side of every box, in order."""
    faces = [trace for trace in figure["data"] if trace.get("fill") == "toself"]
    return [faces[i : i + FACES] for i in range(0, len(faces), FACES)]


def height(box):
    front = box[0]["y"]
    return max(front) - min(front)


def width(box):
    front = box[0]["x"]
    return max(front) - min(front)


def captions(figure):
    return [annotation["text"] for annotation in figure["layout"]["annotations"]]


def convolutions_of(block):
    return 2 if block.convolution == "depthwise_separable" else 1


def stages(spec):
    """How many boxes a person counts on: the image, convolutions, poolings, dense layers."""
    broken = lay_out(spec).broken
    if spec.family != "conv":
        return 1 + (spec.family == "recurrent") + len(spec.dense)
    if broken is None:
        pools = sum(block.pool != "none" for block in spec.blocks)
        average = spec.head == "global_average"
        convolutions = sum(convolutions_of(block) for block in spec.blocks)
        return 1 + convolutions + pools + average + len(spec.dense)
    index = int(broken.path.split(".")[1])
    before = spec.blocks[:index]
    # Where the pooling is what does not fit, its convolution still has its box.
    whole = broken.path.endswith((".pool", ".residual"))
    own = convolutions_of(spec.blocks[index]) if whole else 0
    own += broken.path.endswith(".residual") and spec.blocks[index].pool != "none"
    own += sum(convolutions_of(block) for block in before)
    return 1 + sum(block.pool != "none" for block in before) + own


@pytest.mark.parametrize("head", ["flatten", "global_average"])
def test_a_way_around_a_block_is_an_arch_over_its_box(head):
    keeps = BlockSpec(channels=8, pool="none", residual=True)
    spec = RunSpec(blocks=(BlockSpec(channels=8), keeps, replace(keeps, residual=False), keeps))
    spec = replace(spec, head=head)
    layout = drawn(spec)["layout"]
    assert [shape["type"] for shape in layout["shapes"]] == ["path", "path"]
    said = [note["hovertext"] for note in layout["annotations"] if note["text"] == "<b>+</b>"]
    assert said == [f"Block {n}: its input is added to its output" for n in (2, 4)]


def test_the_arch_spans_both_boxes_of_a_separable_block():
    keeps = BlockSpec(
        channels=8, pool="none", residual=True, convolution="depthwise_separable", norm="layer"
    )
    figure = drawn(RunSpec(blocks=(BlockSpec(channels=8), keeps), head="global_average"))
    (arch,) = figure["layout"]["shapes"]
    numbers = [float(word.split(",")[0]) for word in arch["path"].split() if "," in word]
    *_, depthwise, pointwise, average = boxes(figure)
    assert numbers[0] < min(depthwise[0]["x"])
    assert max(pointwise[2]["x"]) < numbers[-1] < min(average[0]["x"])
    assert "Conv2d, depthwise" in depthwise[0]["text"]
    assert "GroupNorm, layer norm" in pointwise[0]["text"]


def test_the_hover_tells_the_layers_of_a_block_in_their_order():
    block = BlockSpec(channels=8, norm="batch", dropout=0.25, order="drop-pool-norm-act")
    conv, pool = boxes(drawn(RunSpec(blocks=(block,))))[1:3]
    assert "Dropout2d" in conv[0]["text"]
    said = pool[0]["text"]
    assert said.index("MaxPool2d") < said.index("BatchNorm2d") < said.index("ReLU")


def test_an_unusual_order_is_written_under_its_block_and_the_usual_one_is_not():
    blocks = (
        BlockSpec(channels=8),
        BlockSpec(channels=8, norm="batch", dropout=0.1, order="drop-pool-norm-act"),
        BlockSpec(channels=8, pool="none", order="pool-norm-act-drop"),
    )
    said = captions(drawn(RunSpec(blocks=blocks)))
    (told,) = (text for text in said if "→" in text)
    assert told.startswith("<b>Block 2</b><br>8 @ 7 × 7<br>")
    assert "dropout → pooling<br>→ norm → activation" in told


@hypothesis_settings(max_examples=150)
@given(data=st.data())
def test_every_network_has_a_box_for_every_stage(specs, data):
    spec = data.draw(specs())
    figure = drawn(spec)
    assert sum(trace.get("fill") == "toself" for trace in figure["data"]) == FACES * stages(spec)
    assert lay_out(spec).broken is None or "does not fit" in "".join(captions(figure))
    ends = [(min(box[0]["x"]), max(box[2]["x"])) for box in boxes(figure)]
    assert all(right < left for (_, right), (left, _) in pairwise(ends)), "boxes overlap"
    low, high = figure["layout"]["xaxis"]["range"]
    assert low < ends[0][0]
    assert ends[-1][1] < high


@pytest.mark.parametrize("key", PRESETS)
def test_every_preset_ends_in_ten_digits(key):
    figure = drawn(PRESETS[key].spec)
    assert figure["data"][-1]["text"] == [str(digit) for digit in range(10)]
    said = captions(figure)
    assert any("Output" in text and "10" in text for text in said)
    assert not any("does not fit" in text for text in said)


def test_the_figure_says_each_part_and_its_output():
    said = " ".join(captions(drawn(ARTICLE)))
    for words in (
        "28 × 28",
        "Block 1</b><br>64 @ 14 × 14",
        "Block 2</b><br>64 @ 7 × 7",
        "Block 3</b><br>128 @ 3 × 3",
        "Block 4</b><br>128 @ 1 × 1",
        "512",
    ):
        assert words in said


def test_a_box_is_as_high_as_its_image_and_wider_for_more_channels():
    spec = RunSpec(
        blocks=(
            BlockSpec(channels=4),
            BlockSpec(channels=16, pool="none"),
            BlockSpec(channels=64),
        )
    )
    image, conv1, pool1, conv2, conv3, pool3 = boxes(drawn(spec))
    assert height(image) == height(conv1)
    assert height(pool1) == pytest.approx(height(conv1) / 2)
    assert height(conv2) == height(conv3) == height(pool1)
    assert height(pool3) == pytest.approx(height(conv3) / 2)
    assert width(conv1) == width(pool1) < width(conv2) < width(conv3) == width(pool3)


def test_the_part_being_edited_is_outlined_and_no_other():
    spec = replace(DEFAULT, dense=(DenseSpec(units=32),))
    for part, lit_boxes in (("blocks.1", [3, 4]), ("dense.0", [7])):
        outlined = [
            i
            for i, box in enumerate(boxes(drawn(spec, part)))
            if {face["line"]["color"] for face in box} == {LIGHT.lit}
        ]
        assert outlined == lit_boxes


def test_the_hover_tells_all_of_a_part():
    first = BlockSpec(channels=8, kernel_size=5, norm="batch", dropout=0.25)
    conv, pool = boxes(drawn(RunSpec(blocks=(first, BlockSpec()))))[1:3]
    for words in ("Conv2d", "BatchNorm2d", "ReLU", "200 parameters", "16 parameters"):
        assert words in conv[0]["text"]
    assert "MaxPool2d" in pool[0]["text"]
    assert "8 × 14 × 14" in pool[0]["text"]
    assert "sees 6 × 6\xa0pixels" in pool[0]["text"]


def test_a_pooling_that_does_not_fit_is_marked_at_its_block():
    figure = drawn(FIFTH, "blocks.4")
    said = captions(figure)
    assert [text for text in said if "does not fit" in text] == ["<b>Block 5</b><br>does not fit"]
    crosses = [a for a in figure["layout"]["annotations"] if a["text"] == "✕"]
    assert [cross["font"]["color"] for cross in crosses] == [LIGHT.wrong]
    assert not any(trace.get("text") == [str(d) for d in range(10)] for trace in figure["data"])
    assert max(max(box[2]["x"]) for box in boxes(figure)) < crosses[0]["x"]


def test_a_kernel_that_does_not_fit_is_marked_at_its_block():
    spec = RunSpec(
        blocks=(*[BlockSpec(pool_size=3)] * 3, BlockSpec(kernel_size=7, padding="valid"))
    )
    figure = drawn(spec)
    assert "<b>Block 4</b><br>does not fit" in captions(figure)
    assert len(boxes(figure)) == 7


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_the_colours_are_those_of_the_theme(colours):
    spec = replace(DEFAULT, dense=(DenseSpec(),))
    outlines = [box[0]["line"]["color"] for box in boxes(drawn(spec, "none.0", colours))]
    block = [colours.convolution, colours.pooling]
    assert outlines == [colours.quiet, *block * 3, colours.dense]


def test_a_picture_of_the_network_is_not_to_be_dragged_about():
    layout = drawn(DEFAULT)["layout"]
    assert layout["dragmode"] is False
    assert layout["xaxis"]["fixedrange"] is True
    assert layout["yaxis"]["fixedrange"] is True


def test_the_convolution_of_the_last_block_tells_of_the_image_before_it_is_pooled_and_flattened():
    conv, pool = boxes(drawn(RunSpec(blocks=(BlockSpec(channels=8, kernel_size=5),))))[1:]
    assert "Flatten" not in conv[0]["text"]
    assert "Output 8 × 28 × 28 · sees 5 × 5\xa0pixels" in conv[0]["text"]
    assert "Output 8 × 14 × 14 · sees 6 × 6\xa0pixels" in pool[0]["text"]
