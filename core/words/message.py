"""Sentences that are told in English here and can be told in another language where they are read.

A name or text that never changes is marked by `N_`; a sentence with something in it is a `message`.
Both stay English where nobody translates: in logs, files, the terminal. `core.words.translation`
tells them in another language.
"""

import string
from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any, Final, Literal

# What the fields of a sentence may hold. A name for people is told in the reader's language too.
Part = str | int | float | None


class Message(str):
    """A sentence made of a template.

    Attributes:
        template: with a replacement field for each value, as `str.format` has it; `!l` makes what
            a value is in the reader's language lower case, `!u` its first letter a capital.
        values: by the names of the fields.
    """

    template: str
    values: Mapping[str, Part]

    __slots__ = ("template", "values")

    def __new__(cls, template: str, values: Mapping[str, Part]) -> "Message":
        """Write the sentence in English."""
        made = super().__new__(cls, FORMATTER.vformat(template, (), values))
        made.template = template
        made.values = dict(values)
        return made

    def __reduce__(self) -> tuple[object, ...]:
        """Let it be copied and pickled."""
        return Message, (self.template, self.values)


class Quoted(str):
    """What a person or a file wrote: it is told as it stands, whatever it may mean as a word."""

    __slots__ = ()


class _Formatter(string.Formatter):
    def convert_field(self, value: object, conversion: str | None) -> Any:
        match conversion:
            case "l":
                return str(value).lower()
            case "u":
                return str(value)[:1].upper() + str(value)[1:]
        return super().convert_field(value, conversion)


FORMATTER: Final = _Formatter()


def message(template: str, /, **values: Part) -> Message:
    """Return a sentence with something in it.

    Args:
        template: a literal, so that `make translations` finds it.
        values: what stands in its fields; each may be a message or marked by `N_`.
    """
    return Message(template, values)


def N_(text: str) -> str:
    """Mark a text as one that people read in their own language, and return it as it is."""
    return text


def to_plain(text: str) -> object:
    """Write a sentence as what JSON can say, so that it can still be translated when read."""
    if isinstance(text, Quoted):
        return {"quoted": str(text)}
    if not isinstance(text, Message):
        return str(text)
    values = {
        name: to_plain(value) if isinstance(value, str) else value
        for name, value in text.values.items()
    }
    return {"text": str(text), "template": text.template, "values": values}


def from_plain(plain: object) -> str:
    """Read what `to_plain` wrote; where that cannot be told any more, its English text.

    Raises:
        ValueError: it is nothing that `to_plain` writes.
    """
    if isinstance(plain, str):
        return plain
    if isinstance(plain, dict) and plain.keys() == {"quoted"}:
        return Quoted(plain["quoted"])
    if not isinstance(plain, dict) or plain.keys() != {"text", "template", "values"}:
        raise ValueError("not a sentence")
    text, template, values = plain["text"], plain["template"], plain["values"]
    if not isinstance(text, str) or not isinstance(template, str) or not isinstance(values, dict):
        raise ValueError("not a sentence")
    try:
        made = Message(template, {str(name): _part(value) for name, value in values.items()})
    except (ValueError, KeyError, IndexError, AttributeError, TypeError, RecursionError):
        return text
    return made if made == text else text


def _part(value: object) -> Part:
    if value is None or isinstance(value, int | float):
        return value
    return from_plain(value)


# How words and sentences follow each other; a language may do it otherwise.
_PAIRS: Final = (
    N_("{one} {two}"),
    N_("{one}, {two}"),
    N_("{one}; {two}"),
    N_("{one} → {two}"),
)


def joined(parts: Iterable[str], between: Literal[" ", ", ", "; ", " → "] = " ") -> str:
    """Put words or sentences one after the other; what is empty is left out."""
    template = f"{{one}}{between}{{two}}"
    assert template in _PAIRS
    told = [part for part in parts if part]
    return reduce(lambda one, two: message(template, one=one, two=two), told) if told else ""


def shown(value: object) -> str:
    """Quote a value that a stranger may have written, short and on one line."""
    try:
        text = str(value)
    except (ValueError, RecursionError):  # thousands of digits, or of brackets
        return N_("something far too long")
    short = "".join(c if c.isprintable() else "·" for c in text[:40])
    return Quoted(short + ("…" if len(text) > 40 else ""))
