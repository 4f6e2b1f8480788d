"""The tutorial as a Python file."""

import textwrap

from core.take_home.contents import RunContents, one_line, result_of, when
from core.take_home.lesson import lesson, requirements

_WIDTH = 98


def script(contents: RunContents) -> str:
    """Write a program that trains a run once more and says whether it came out the same."""
    record = contents.record
    head = [
        one_line(record.name),
        "",
        "Train a network of NetSketch once more, from the same seed, with PyTorch alone, and say "
        "at the end whether it came out as on the dashboard.",
        "",
        "    pip install " + " ".join(requirements(record)),
        "    python train.py",
        "",
        f"The dashboard’s run ({when(record)}): {result_of(record)}",
    ]
    parts = [_comment(head)]
    for number, section in enumerate(lesson(contents)):
        title = f"{number}. {section.title}" if number else section.title
        parts.append(_comment([title, "", section.words]) + "\n" + section.code)
    return "\n\n\n".join(parts) + "\n"


def _comment(paragraphs: list[str]) -> str:
    lines: list[str] = []
    for text in paragraphs:
        lines += [text] if text.startswith("  ") else textwrap.wrap(text, _WIDTH) or [""]
    return "\n".join(f"# {line}".rstrip() for line in lines)
