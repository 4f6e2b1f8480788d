"""The tutorial as a Jupyter notebook."""

import re

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from core.take_home.contents import RunContents, one_line, result_of, when
from core.take_home.lesson import lesson, requirements

# Whatever Markdown or HTML would take for a sign of its own.
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>$~&])")


def notebook(contents: RunContents) -> str:
    """Write the script's sections as cells, each after the words that explain it."""
    record = contents.record
    name = _SPECIAL.sub(r"\\\1", one_line(record.name))
    cells = [
        new_markdown_cell(  # type: ignore[no-untyped-call]
            f"# {name}\n\n"
            "Train a network of NetSketch once more, from the same seed, with PyTorch alone, and "
            "see at the end whether it came out as on the dashboard.\n\n"
            f"The dashboard’s run ({when(record)}): {result_of(record)}\n\n"
            f"    pip install {' '.join(requirements(record))}"
        )
    ]
    for number, section in enumerate(lesson(contents)):
        title = f"{number}. {section.title}" if number else section.title
        words = f"## {title}\n\n{section.words}"
        cells.append(new_markdown_cell(words))  # type: ignore[no-untyped-call]
        cells.append(new_code_cell(section.code))  # type: ignore[no-untyped-call]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"  # else random, and no two files of a run would be the same
    made = new_notebook(cells=cells)  # type: ignore[no-untyped-call]
    made["metadata"] = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nbformat.validate(made)
    text: str = nbformat.writes(made)  # type: ignore[no-untyped-call]
    return text + "\n"
