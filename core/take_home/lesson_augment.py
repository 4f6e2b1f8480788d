"""The tutorial's lines that change digits at random, as `core.training.augmentation` does.

The lines draw the same random numbers in the same order and compute with them in the same way, so
that the pixels are the same to the last bit; what a run has switched off is left out.
"""

from core.spec import RunSpec

_SHIFT_ONLY = '''\
chance = torch.Generator(DEVICE).manual_seed(SEED + 1_000_000)


def changed(pixels):
    """Return digits moved at random."""
    count = len(pixels)
    across, down, _, _ = torch.rand(4, count, generator=chance, device=DEVICE)
    left = {shift} - ((across * {span}).floor().clamp(max={most}) - {shift}).long()
    top = {shift} - ((down * {span}).floor().clamp(max={most}) - {shift}).long()
    # All windows of 28 x 28 pixels in the digit with a black rim; each takes one.
    windows = F.pad(pixels, ({shift},) * 4).unfold(2, 28, 1).unfold(3, 28, 1)
    return windows[torch.arange(count, device=DEVICE), :, top, left]'''

_BUMPS = """\
# Bends: 8 x 8 smooth bumps over the image, each lifted by a random number of its own.
middles = (torch.arange(8, dtype=torch.float64) - 3.5) * 4.5
bumps = torch.exp(-((at - middles[:, None]) ** 2) / (2 * 4.0**2))
bumps = bumps / bumps.norm(dim=0)
bumps = torch.einsum("ay,bx->abyx", bumps, bumps).reshape(64, 784)"""


def augmentation_code(spec: RunSpec) -> str:
    """Write the function `changed`, and what it needs."""
    if not (spec.rotation or spec.scale or spec.elastic):
        return _SHIFT_ONLY.format(shift=spec.shift, span=2 * spec.shift + 1, most=2 * spec.shift)
    return "\n".join([*_places(spec), "", "", *_function(spec)])


def changes(spec: RunSpec) -> str:
    """Say what is done to the digits."""
    words = []
    if spec.shift:
        words.append(f"moved by up to {spec.shift} pixels")
    if spec.rotation:
        words.append(f"turned by up to {spec.rotation} degrees")
    if spec.scale:
        words.append(f"resized by up to {100 * spec.scale:.3g} %")
    if spec.elastic:
        words.append(f"bent by {spec.elastic:.3g} pixels on average")
    return ", ".join(words)


def _places(spec: RunSpec) -> list[str]:
    rows = "[*plane, *bumps]" if spec.elastic else "plane"
    return [
        "chance = torch.Generator(DEVICE).manual_seed(SEED + 1_000_000)",
        "# Of every pixel: x and y, from -1 at one edge to 1 at the other, and 1.",
        "at = torch.arange(28, dtype=torch.float64) - 13.5",
        "plane = [at.repeat(28), at.repeat_interleave(28), torch.full((784,), 13.5).double()]",
        *([_BUMPS] if spec.elastic else []),
        f"basis = (torch.stack({rows}) / 13.5).to(DEVICE, torch.float32)",
    ]


def _function(spec: RunSpec) -> list[str]:
    span, names = 2 * spec.shift, []
    names += ["across", "down"] if spec.shift else ["_", "_"]
    names += ["turn" if spec.rotation else "_", "growth" if spec.scale else "_"]
    shift = f"* {span + 1}).floor().clamp(max={span}) - {spec.shift}) / 13.5"
    lines = [
        "def changed(pixels):",
        '    """Return digits changed at random, as floats from 0 to 255."""',
        "    count = len(pixels)",
        f"    {', '.join(names)} = torch.rand(4, count, generator=chance, device=DEVICE)",
    ]
    if spec.rotation:
        lines += [
            f"    angle = (turn * 2 - 1) * math.radians({spec.rotation})",
            "    cos, sin = angle.cos(), angle.sin()",
        ]
    else:
        lines += [
            "    cos = torch.ones(count, device=DEVICE)",
            "    sin = torch.zeros(count, device=DEVICE)",
        ]
    if spec.scale:
        lines += [
            f"    size = (growth * 2 - 1) * {spec.scale!r} + 1",
            "    cos, sin = cos / size, sin / size",
        ]
    if spec.shift:
        lines += [f"    right = ((across {shift}", f"    down = ((down {shift}"]
        row_x = "[cos, -sin, sin * down - cos * right]"
        row_y = "[sin, cos, -(sin * right + cos * down)]"
    else:
        lines += ["    here = torch.zeros_like(sin)"]
        row_x, row_y = "[cos, -sin, here]", "[sin, cos, here]"
    lines += [
        "    # Where each pixel of the changed digit is found in the given one.",
        f"    x = {row_x}",
        f"    y = {row_y}",
        "    mix = torch.stack(x + y, 1).view(-1, 2, 3)",
    ]
    if spec.elastic:
        lines += [
            "    bends = torch.randn(count, 2, 64, generator=chance, device=DEVICE)",
            "    # Their length is the root of half pi on average.",
            f"    bends *= {spec.elastic!r} / math.sqrt(math.pi / 2)",
            "    mix = torch.cat([mix, bends], 2)",
        ]
    return [
        *lines,
        "    places = (mix.view(-1, len(basis)) @ basis).view(-1, 2, 28, 28).permute(0, 2, 3, 1)",
        "    return F.grid_sample(pixels.float(), places, align_corners=True)",
    ]
