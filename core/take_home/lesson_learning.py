"""The tutorial's lines about learning: loss, optimizer, schedule, and when it is over."""

from typing import Final

from core.data.catalogue import num_classes_of
from core.runs.record import RunRecord
from core.spec import RunSpec
from core.take_home.contents import RunContents
from core.training.learning import climbing_steps, steps_to_drop
from core.training.length import length_of

_LOSSES: Final = {
    "cross_entropy": "Cross entropy: minus the log of the probability given to the right class.",
    "nll": "Negative log-likelihood: minus the log of the probability given to the right class.",
    "bce": "Binary cross entropy: for each class by itself, is it this one, yes or no?",
    "multi_margin": "Multi-margin: the right class’s score has to lead each other one by 1.",
    "mse": "Mean squared error: the squared distance between the probabilities and a perfect "
    "answer.",
}
_SCHEDULES: Final = {
    "constant": " The learning rate stays as it is.",
    "step": " The learning rate drops every few epochs.",
    "cosine": " The learning rate comes down along a cosine, a little after every step.",
    "one_cycle": " The learning rate climbs to its highest value and comes down to almost "
    "nothing, a little after every step.",
    "warmup": " The learning rate climbs in a straight line and then comes down along a cosine, a "
    "little after every step.",
}


def learning_words(spec: RunSpec) -> str:
    """Say what is made small, and how."""
    words = _LOSSES[spec.loss]
    if spec.loss == "cross_entropy" and spec.label_smoothing:
        words += (
            f" With label smoothing, {spec.label_smoothing:g} of the right answer is spread over "
            "all classes."
        )
    kernel = "foreach" if spec.optimizer == "rmsprop" else "fused"
    words += f" The optimizer updates all weights by one {kernel} kernel, which is faster."
    return words + _SCHEDULES[spec.schedule if schedule_code(spec) else "constant"]


def learning_code(contents: RunContents) -> str:
    """Write the loss, and make optimizer and schedule."""
    spec = contents.spec
    smoothing = f", label_smoothing={spec.label_smoothing!r}" if spec.label_smoothing else ""
    wanted = f"    wanted = F.one_hot(labels, {num_classes_of(spec.data)}).to(logits.dtype)"
    body = {
        "cross_entropy": [f"    return F.cross_entropy(logits, labels{smoothing})"],
        "nll": ["    return F.nll_loss(logits.log_softmax(1), labels)"],
        "bce": [wanted, "    return F.binary_cross_entropy_with_logits(logits, wanted)"],
        "multi_margin": ["    return F.multi_margin_loss(logits, labels)"],
        "mse": [wanted, "    return F.mse_loss(logits.softmax(1), wanted)"],
    }[spec.loss]
    made = [_optimizer_code(contents), *schedule_code(spec)]
    return "\n".join(["def loss_of(logits, labels):", *body, "", "", *made])


def _optimizer_code(contents: RunContents) -> str:
    spec = contents.spec
    name = {
        "sgd": "SGD",
        "adam": "Adam",
        "adamw": "AdamW",
        "rmsprop": "RMSprop",
        "adagrad": "Adagrad",
    }[spec.optimizer]
    args = "net.parameters(), lr=LR"
    if spec.optimizer in ("sgd", "rmsprop") and spec.momentum:
        args += f", momentum={spec.momentum!r}"
        if spec.optimizer == "sgd" and spec.nesterov:
            args += ", nesterov=True"
    # AdamW alone has a decay unless told otherwise.
    if spec.weight_decay or spec.optimizer == "adamw":
        args += f", weight_decay={spec.weight_decay!r}"
    unfused = spec.optimizer == "rmsprop" or (spec.optimizer, contents.device) == ("adagrad", "mps")
    args += ", foreach=True" if unfused else ", fused=True"
    line = f"optimizer = torch.optim.{name}({args})"
    return line if len(line) <= 100 else f"optimizer = torch.optim.{name}(\n    {args}\n)"


def schedule_code(spec: RunSpec) -> list[str]:
    """Lines that make the schedule; none where the rate is constant."""
    module = "torch.optim.lr_scheduler"
    match spec.schedule:
        case "one_cycle" if num_steps(spec) > 1:
            return [
                f"schedule = {module}.OneCycleLR(",
                "    optimizer, max_lr=LR, total_steps=NUM_STEPS + 1, cycle_momentum=False",
                ")",
            ]
        case "cosine":
            return [f"schedule = {module}.CosineAnnealingLR(optimizer, T_max=NUM_STEPS)"]
        case "step":
            size = steps_to_drop(spec, num_steps(spec))
            return [f"schedule = {module}.StepLR(optimizer, {size}, gamma={spec.step_factor!r})"]
        case "warmup":
            return [
                f"CLIMB = {climbing_steps(spec, num_steps(spec))}  # steps",
                "",
                "",
                "def share_of_lr(step):",
                "    if step < CLIMB:",
                "        return (step + 1) / CLIMB",
                "    gone = (step - CLIMB) / max(1, NUM_STEPS - CLIMB)",
                "    return (1 + math.cos(math.pi * gone)) / 2",
                "",
                "",
                f"schedule = {module}.LambdaLR(optimizer, share_of_lr)",
            ]
    return []


def num_steps(spec: RunSpec) -> int:
    """Return the training steps of all epochs of one network."""
    return length_of(spec).steps_per_fold


def rate_lines(record: RunRecord) -> tuple[list[str], list[str]]:
    """Lines that change the learning rate where a person did: before all steps, and before each."""
    if not record.lr_changes:
        return [], []
    scheduled = [
        "    schedule.base_lrs = [lr / before * after for lr in schedule.base_lrs]",
    ]
    made = ", ".join(f"({step}, {lr!r})" for step, lr in record.lr_changes)
    return [
        "def change_rate(before, after):",
        '    """Go on as if the highest learning rate had been another one."""',
        "    for group in optimizer.param_groups:",
        '        for key in ("lr", "initial_lr", "max_lr", "min_lr"):',
        "            if key in group:",
        "                group[key] = group[key] / before * after",
        *(scheduled if schedule_code(record.spec) else []),
        "    return after",
        "",
        "",
        f"CHANGES = [{made}]  # after so many steps, by hand",
        "lr = LR",
    ], [
        "        while CHANGES and CHANGES[0][0] == step:",
        "            lr = change_rate(lr, CHANGES.pop(0)[1])",
    ]


def thread_lines(record: RunRecord) -> tuple[list[str], list[str]]:
    """Lines that change the number of threads as the run did: before all steps, and before each."""
    later = record.stretches[1:]
    if not later:
        return [], []
    made = ", ".join(f"({step}, {threads})" for step, threads in later)
    return [
        "# Other programs took cores and gave them back: after so many steps, so many threads.",
        f"THREADS = [{made}]",
    ], [
        "        while THREADS and THREADS[0][0] <= step:",
        "            torch.set_num_threads(THREADS.pop(0)[1])",
    ]


def clip_lines(spec: RunSpec) -> list[str]:
    """Lines of a step that shorten the gradients, if any."""
    if not spec.clip_norm:
        return []
    return [f"        nn.utils.clip_grad_norm_(net.parameters(), {spec.clip_norm!r}, foreach=True)"]


def best_lines(spec: RunSpec) -> tuple[list[str], list[str], list[str]]:
    """Lines that keep the best epoch and end early: before the epochs, after each, after all."""
    if spec.folds or not (spec.target_accuracy or spec.patience or spec.keep_best):
        return [], [], []
    keep = (
        "        best_weights = {name: value.clone() for name, value in net.state_dict().items()}"
    )
    noted = [
        "    if best_epoch == 0 or accuracy > best_accuracy:",
        "        best_epoch, best_accuracy = epoch, accuracy",
        *([keep] if spec.keep_best else []),
    ]
    if spec.target_accuracy:
        noted += [f"    if best_accuracy >= {spec.target_accuracy!r}:", "        break"]
    if spec.patience:
        noted += [f"    if epoch - best_epoch >= {spec.patience}:", "        break"]
    ended = ["net.load_state_dict(best_weights)"] if spec.keep_best else []
    return ["best_epoch, best_accuracy = 0, 0.0"], noted, ended
