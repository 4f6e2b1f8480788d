"""A run on one page of HTML that opens without a network, in the light and in the dark."""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from core.data.catalogue import info_of
from core.data.preparation import in_words
from core.network.layer import Layer
from core.runs.record import RunRecord
from core.spec import BlockSpec, DenseSpec, RunSpec, default_of, place, walk
from core.spec.settings import Choice, Flag, Setting, Value
from core.take_home.contents import RunContents, ending_of, result_of, when
from core.take_home.figures import picture
from core.take_home.lesson import requirements
from core.training.length import length_of
from core.training.precision import IN_WORDS
from core.words.palette import DARK, LIGHT

_STYLE: Final = f"""
:root {{ color-scheme: light dark; --ink: {LIGHT.ink}; --quiet: #575A63; --ground: #FCFBF8;
  --line: #DDD9CF; --raised: #F4F2EC; --wrong: {LIGHT.wrong}; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --ink: {DARK.ink}; --quiet: #A5A7AE; --ground: #14161B; --line: #333843;
    --raised: #1E2129; --wrong: {DARK.wrong}; }}
}}
* {{ box-sizing: border-box; }}
body {{ margin: 0 auto; max-width: 60rem; padding: 2rem 1.25rem 4rem; background: var(--ground);
  color: var(--ink); font: 16px/1.5 Inter, system-ui, "Segoe UI", Roboto, sans-serif; }}
h1 {{ font-size: 1.7rem; line-height: 1.2; margin: 0 0 .25rem; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.1rem; margin: 2rem 0 .5rem; }}
p {{ margin: .25rem 0; overflow-wrap: anywhere; }}
.quiet {{ color: var(--quiet); }}
.result {{ font-size: 1.25rem; font-weight: 600; margin: 1rem 0; }}
.wrong {{ color: var(--wrong); }}
.note {{ white-space: pre-wrap; border-left: 3px solid var(--line); padding-left: .75rem; }}
.wide {{ overflow-x: auto; }}
img {{ display: block; width: 100%; height: auto; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
th, td {{ text-align: left; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; white-space: nowrap; }}
td.free {{ white-space: normal; overflow-wrap: anywhere; }}
th {{ color: var(--quiet); font-weight: 500; font-size: .85rem; }}
.number {{ text-align: right; }}
pre {{ background: var(--raised); padding: .75rem 1rem; overflow-x: auto; border-radius: 6px;
  font: .85rem/1.5 "JetBrains Mono", ui-monospace, Menlo, Consolas, monospace; }}
@media print {{ body {{ max-width: none; padding: 0; }} h2 {{ break-after: avoid; }} }}
"""


def report(contents: RunContents) -> str:
    """Write the page. Every word that a person wrote is escaped."""
    record = contents.record
    bad = record.status in ("diverged", "failed")
    parts = [
        f"<h1>{escape(record.name)}</h1>",
        f'<p class="quiet">{escape(_subtitle(record))}</p>',
        f'<p class="result{" wrong" if bad else ""}">{escape(result_of(record))}</p>',
        *([f"<p>{escape(ending)}</p>"] if (ending := ending_of(record)) else []),
        *([f'<p class="note">{escape(record.note)}</p>'] if record.note else []),
        *(["<h2>Curves</h2>", _curves(contents)] if len(contents.steps.step) else []),
        "<h2>Network</h2>",
        _network(contents),
        "<h2>Settings that differ from the defaults</h2>",
        _settings(contents.spec),
        "<h2>Circumstances</h2>",
        _circumstances(record),
        "<h2>How to do it again</h2>",
        _again(record),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # Nothing on this page may be fetched or run, whatever its words are.
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
        f"<title>{escape(record.name)} · NetSketch</title>\n<style>{_STYLE}</style>\n</head>\n"
        "<body>\n" + "\n".join(parts) + "\n</body>\n</html>\n"
    )


def changed_settings(spec: RunSpec) -> dict[str, str]:
    """Say for each part which settings are not at their default.

    A block's channels and a layer's units, which have no usual value, are said in any case.
    """
    kinds: dict[str, type] = {"blocks": BlockSpec, "dense": DenseSpec}
    found: dict[str, list[str]] = {}
    for path, setting, value in walk(spec):
        head, *rest = path.split(".")
        name = rest[-1] if rest else head
        default = default_of(kinds.get(head, RunSpec), name)
        words = f"{setting.label} {_said(setting, value)}"
        if name in ("channels", "units"):
            found.setdefault(place(path), []).append(words)
        elif value != default:
            words += f" (default {_said(setting, default)})"
            found.setdefault(place(path), []).append(words)
    return {part: " · ".join(words) for part, words in found.items()}


def _said(setting: Setting, value: Value) -> str:
    if isinstance(setting, Choice):
        return setting.name(value)
    if isinstance(setting, Flag):
        return "on" if value else "off"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _subtitle(record: RunRecord) -> str:
    words = ["A run of NetSketch", record.status, when(record), *record.tags]
    return " · ".join(words)


def _curves(contents: RunContents) -> str:
    light, dark = (_inline(picture(contents, colours, "svg")) for colours in (LIGHT, DARK))
    last = contents.curves.epochs[-1] if contents.curves.epochs else None
    words = f"Loss and accuracy over {contents.record.step:,} steps."
    if last is not None:
        words += (
            f" After epoch {last.epoch}: training {100 * last.train_accuracy:.1f} %, "
            f"validation {100 * last.val_accuracy:.1f} %."
        )
    return (
        f'<picture><source srcset="{dark}" media="(prefers-color-scheme: dark)">'
        f'<img src="{light}" alt="{escape(words)}"></picture>\n<p class="quiet">{escape(words)}</p>'
    )


def _inline(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"


def _network(contents: RunContents) -> str:
    network = contents.network
    rows = [_layer(layer) for layer in network.layers]
    rows.append(("In all", "", "", "", f"{network.params:,}", f"{network.multiply_adds:,}"))
    header = ("Part", "Layer", "Operation", "Output shape", "Parameters", "Multiply-adds")
    return _table(header, rows, numbers=(4, 5))


def _layer(layer: Layer) -> tuple[str, ...]:
    part = "Output" if layer.part == "output" else place(layer.part)
    window = f" {layer.window} × {layer.window}" if layer.window else ""
    shape = " × ".join(f"{side:,}" for side in layer.shape)
    costs = tuple(f"{cost:,}" if cost else "" for cost in (layer.params, layer.multiply_adds))
    note = f", {layer.note}" if layer.note else ""
    return (part, layer.name, layer.op + window + note, shape, *costs)


def _settings(spec: RunSpec) -> str:
    return _table(("", ""), list(changed_settings(spec).items()), free=(1,))


def _circumstances(record: RunRecord) -> str:
    info = info_of(record.spec.data)
    done = f"{record.epoch:,} of {length_of(record.spec).num_epochs:,} epochs"
    changed = ", ".join(
        f"changed by hand to {lr:g} after step {step:,}" for step, lr in record.lr_changes
    )
    versions = ", ".join(f"{name} {number}" for name, number in record.versions.items())
    rows = [
        ("Images", f"{info.title}: {info.train:,} to learn from, {info.validation:,} for "
         f"validation, {info.test:,} for the test"),
        ("Preparation", in_words(info)),
        ("Done", f"{done}, {record.step:,} steps, {record.elapsed_s:,.1f} s of work"),
        *([("Learning rate", changed)] if changed else []),
        ("Device", record.device.name if record.device else "unknown"),
        *([("Threads", _threads(record))] if record.stretches else []),
        *([("Precision", IN_WORDS[record.precision])] if record.precision else []),
        ("Versions", versions or "unknown"),
        ("Seed", str(record.spec.seed)),
    ]  # fmt: skip
    return _table(("", ""), rows, free=(1,))


def _threads(record: RunRecord) -> str:
    """Say with how many threads a run computed, such as `2; from step 1,200 on 1`."""
    (_, first), *later = record.stretches
    return "; ".join([f"{first}", *(f"from step {step:,} on {count}" for step, count in later)])


def _again(record: RunRecord) -> str:
    needed = " ".join(requirements(record))
    return (
        "<p>With the run’s <code>train.py</code>, which needs no NetSketch:</p>\n"
        f"<pre>pip install {escape(needed)}\npython train.py</pre>\n"
        "<p>In NetSketch: bring <code>configuration.json</code> in on the Build page and train it. "
        "The same seed on the same kind of processor, with the same version of PyTorch and as many "
        "threads, gives the same weights to the last bit.</p>"
    )


def _table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: tuple[int, ...] = (),
    free: tuple[int, ...] = (),
) -> str:
    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{_class(i, numbers, free)}>{escape(text)}</{tag}>" for i, text in enumerate(row)
        )

    body = "\n".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    head = f"<thead><tr>{cells('th', header)}</tr></thead>" if any(header) else ""
    return f'<div class="wide"><table>{head}<tbody>\n{body}\n</tbody></table></div>'


def _class(column: int, numbers: tuple[int, ...], free: tuple[int, ...]) -> str:
    if column in numbers:
        return ' class="number"'
    return ' class="free"' if column in free else ""
