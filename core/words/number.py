"""A number as people write it, wherever they learned to.

Half of the world writes a comma where the other half writes a point, and each writes the other mark
between thousands. What can only mean one number is that number; what could mean two is refused in a
sentence, for either guess would be a thousand times wrong.
"""

import re
import unicodedata
from decimal import Decimal
from typing import Final

from core.words.errors import UserError
from core.words.message import N_, message, shown

# Longer ones are no settings, and Python takes long over some thousand digits.
_MAX_LETTERS: Final = 40
# Beyond these a float is infinite, or zero.
_MAX_POWER: Final = 300

# Superscripts become plain digits in NFKC, and 10⁻³ would become 10-3.
_RAISED: Final = re.compile("[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_MARKS: Final = {
    **dict.fromkeys(map(ord, "\N{MINUS SIGN}\N{EN DASH}"), "-"),
    ord("\N{ARABIC DECIMAL SEPARATOR}"): ",",
    ord("\N{IDEOGRAPHIC FULL STOP}"): ".",  # what a Chinese keyboard writes for a point
    **dict.fromkeys(
        map(ord, "\N{ARABIC THOUSANDS SEPARATOR}\N{LEFT SINGLE QUOTATION MARK}’_"), "'"
    ),
}
_POWER: Final = re.compile(
    r"""(?P<mantissa>.*?)
        (?: \s*[eE]\s* | (?:(?<=[\d.,])\s*[·⋅∙*x×]\s*)? (?<![\d.,]) (?P<ten>10) (?:\^|\*\*) )
        (?P<power>[+-]?\d{1,6})""",
    re.VERBOSE,
)
_PLAIN: Final = re.compile(r"(?P<sign>[+-]?)(?P<digits>[\d.,' ]*\d[\d.,' ]*)")
# Nobody groups what begins with a zero: 0 002 is meant to be less than one.
_GROUPED: Final = re.compile(r"[1-9]\d{0,2}(?:(?P<mark>[.,' ])\d{3})(?:(?P=mark)\d{3})*")


class NumberError(UserError):
    """What was written is no number, or could be two."""


def read_number(text: str) -> int | float:
    """Read a number that a person has written.

    Understood are a comma or a point before the decimals, points, commas, spaces or apostrophes
    between thousands, `2e-3` and `2·10^-3`, and the digits of any script.

    Args:
        text: such as `0,002`, `1 000`, `2e-3` or `2·10⁻³`.

    Returns:
        A whole number where what is written has no fraction and no exponent below zero.

    Raises:
        NumberError: it is no number, could be two, or is larger or smaller than a float can be.
    """
    if len(text) > _MAX_LETTERS:
        # Before any pattern goes through a megabyte of spaces.
        raise _not_a_number(text)
    plain = _plain(text)
    power = _POWER.fullmatch(plain)
    mantissa, exponent = (power["mantissa"].strip(), int(power["power"])) if power else (plain, 0)
    if power and power["ten"] and mantissa in ("", "+", "-"):
        mantissa += "1"
    found = _PLAIN.fullmatch(mantissa)
    if found is None:
        raise _not_a_number(text)
    digits = _decimal(found["digits"], text, scientific=power is not None)
    if abs(exponent) > _MAX_POWER:
        raise _not_a_number(text)
    value = Decimal(f"{found['sign']}{digits}E{exponent}")
    return int(value) if value == value.to_integral_value() else float(value)


def written(value: int | float) -> str:
    """Write a number so that `read_number` gives it back, without an exponent or groups."""
    text = f"{Decimal(repr(value)):f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    # One figure more, for 1.125 could also be a thousand and some.
    return f"{text}0" if _could_be_grouped(text.removeprefix("-")) else text


def _plain(text: str) -> str:
    """Return the text in ASCII's digits and marks."""
    raised = _RAISED.sub(lambda found: f"^{found[0]}", text.translate(_MARKS))
    folded = unicodedata.normalize("NFKC", raised).translate(_MARKS)
    # Marks that nobody sees, as those that tell which way a line runs, come with what is pasted.
    folded = "".join(c for c in folded if unicodedata.category(c) != "Cf").strip()
    digits = (_digit(letter) if letter.isdecimal() else letter for letter in folded)
    return re.sub(r"\s", " ", "".join(digits))


def _digit(letter: str) -> str:
    return str(unicodedata.decimal(letter))


def _decimal(digits: str, text: str, *, scientific: bool) -> str:
    """Return digits with a point alone before the decimals.

    Args:
        digits: with points, commas, spaces and apostrophes among them.
        text: the whole, for the sentence.
        scientific: whether a power of ten follows; then nobody groups thousands.
    """
    points, commas = digits.count("."), digits.count(",")
    last = max(digits.rfind("."), digits.rfind(","))
    if points + commas == 1:
        whole, rest = digits[:last], digits[last + 1 :]
        if _could_be_grouped(digits) and not scientific:
            raise _two_numbers(text, whole, rest)
    elif points and commas and digits.count(digits[last]) == 1:
        whole, rest = digits[:last], digits[last + 1 :]
    else:
        whole, rest = digits, ""
    if not whole.isdigit() and whole != "" and not _GROUPED.fullmatch(whole):
        raise _not_a_number(text)
    if rest != "" and not rest.isdigit():
        raise _not_a_number(text)
    return f"{re.sub('[^0-9]', '', whole) or '0'}.{rest or '0'}"


def _could_be_grouped(digits: str) -> bool:
    return _GROUPED.fullmatch(digits) is not None


def _not_a_number(text: str) -> NumberError:
    if not text.strip():
        return NumberError(N_("nothing was written; a number is needed."))
    return NumberError(
        message(
            "“{text}” cannot be read as a number; write it like 5, 0.002 or 2e-3.", text=shown(text)
        )
    )


def _two_numbers(text: str, whole: str, rest: str) -> NumberError:
    return NumberError(
        message(
            "“{text}” can be read as {large} or as {small}; write {large} or {safe}.",
            text=shown(text),
            large=whole + rest,
            small=f"{whole}.{rest}",
            safe=f"{whole}.{rest}0",
        )
    )
