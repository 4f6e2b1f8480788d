"""The tutorial's last lines: the test, and whether it came out as the dashboard's run did."""

from core.take_home.contents import RunContents, quoted
from core.take_home.lesson_folds import compared_folds


def end_code(contents: RunContents) -> str:
    """Write the lines that test the network and compare."""
    record = contents.record
    device = record.device.name if record.device else "an unknown device"
    where = f"torch {record.versions.get('torch', '?')}, {device}"
    lines = [
        f"WHERE = {quoted(where)}",
        'print(f"Here: torch {torch.__version__}, {DEVICE}, {torch.get_num_threads()} threads.")',
    ]
    if record.status == "diverged":
        return "\n".join([*lines, *_diverged(record.step)])
    if contents.spec.folds:
        lines += compared_folds(contents)
    lines += [
        "correct, total = count_right(test_images, test_labels), len(test_labels)",
        'print(f"{correct:,} of {total:,} test digits right ({correct / total:.2%})")',
    ]
    if record.test_correct is None:
        return "\n".join(
            [*lines, 'print("The dashboard\'s run ended before its test: nothing to compare.")']
        )
    return "\n".join([*lines, *_compared(record.test_correct)])


def _compared(correct: int) -> list[str]:
    return [
        f"DASHBOARD = {correct}",
        'print(f"The dashboard had {DASHBOARD:,} right, on {WHERE}.")',
        "# Two counts of the same accuracy differ by up to two standard errors, 19 times of 20.",
        "share = (DASHBOARD + 1) / (total + 2)",
        "noise = 2 * math.sqrt(2 * total * share * (1 - share))",
        "if correct == DASHBOARD:",
        '    print("REPRODUCED exactly: the same number of digits.")',
        "elif abs(correct - DASHBOARD) <= noise:",
        '    print(f"REPRODUCED within noise: it may differ by {noise:.0f} where PyTorch,")',
        '    print("the processor or its number of threads is another.")',
        "else:",
        '    print(f"NOT REPRODUCED: chance alone explains a difference of up to {noise:.0f}.")',
    ]


def _diverged(steps: int) -> list[str]:
    return [
        f"DASHBOARD = {steps}  # steps before the loss was no longer a number",
        'print(f"The dashboard\'s run diverged after {DASHBOARD:,} steps, on {WHERE}.")',
        "if loss.isfinite():",
        '    print("NOT REPRODUCED: here the loss stayed a number.")',
        "elif step == DASHBOARD:",
        '    print("REPRODUCED exactly: it diverged at the same step.")',
        "else:",
        '    print(f"REPRODUCED within noise: it diverged too, after {step:,} steps.")',
    ]
