"""The weights as safetensors, which can hold numbers only, and a few lines that load them."""

from textwrap import fill
from typing import Final

from safetensors.torch import save

from core.data.catalogue import info_of
from core.data.own.described import description_of
from core.data.own.kept import is_own
from core.data.preparation import in_words
from core.network.model import class_source
from core.spec.codec import to_json
from core.take_home.contents import RunContents, one_line

# Under this name the file says which network its weights belong to.
CONFIGURATION = "netsketch"
# And under this one what is known of a person's own images that it has learned from.
IMAGES = "netsketch_images"
# 26 million weights. Larger networks can be trained and taken home, but what is brought in lies in
# memory twice.
MAX_WEIGHT_BYTES: Final = 100 * 2**20


def weights_file(contents: RunContents) -> bytes:
    """Write the state dict, with the configuration in the file's header.

    Raises:
        TakeHomeError: the run has no weights.
    """
    metadata = {"format": "pt", CONFIGURATION: to_json(contents.spec)}
    if is_own(contents.spec.data) and (images := description_of(contents.spec.data)):
        metadata[IMAGES] = images
    return save(dict(contents.need_weights()), metadata=metadata)


def loader(contents: RunContents) -> str:
    """Write a program that loads the weights into the network and names one image."""
    info = info_of(contents.spec.data)
    expected = fill(
        f"pixels: (N, 1, 28, 28), from 0 (black) to 255: {in_words(info)}.",
        width=96,
        initial_indent=" " * 4,
        subsequent_indent=" " * 4,
    )
    return f'''\
# {one_line(contents.record.name)}
#
# Load the weights of a NetSketch run, and let the network name an image.
#
#     pip install torch safetensors
#     python load_weights.py

import torch
from safetensors.torch import load_file
from torch import nn


{class_source(contents.network)}


net = Net()
net.load_state_dict(load_file("weights.safetensors"))
net.eval()
CLASSES = {list(info.class_names)!r}


def probabilities(pixels):
    """Return the probabilities of CLASSES, (N, {len(info.class_names)}).

{expected}
    """
    with torch.inference_mode():
        return net((pixels.float() / 255 - {info.mean}) / {info.std}).softmax(1)


# A stroke down the middle, which networks of digits take for a 1.
stroke = torch.full((1, 1, 28, 28), {info.paper}, dtype=torch.uint8)
stroke[..., 5:23, 13:15] = {info.ink}
answer = probabilities(stroke)[0]
print(f"This is “{{CLASSES[answer.argmax()]}}”, with probability {{answer.max():.1%}}.")
'''
