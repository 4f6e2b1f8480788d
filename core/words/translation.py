"""NetSketch's words in other languages, from gettext catalogues that Babel compiles."""

import gettext
import re
from functools import cache
from pathlib import Path
from typing import Final

from core.words.message import FORMATTER, Message, Quoted

# Each language as its own readers write it.
LANGUAGES: Final = {"en": "English", "zh": "中文"}
DEFAULT: Final = "en"
FOLDER: Final = Path(__file__).parent / "locale"
DOMAIN: Final = "netsketch"

_CATALOGUES: Final = {"zh": "zh_CN"}

# A space between a number, or the field where one is to stand, and its unit.
_BEFORE_UNIT: Final = re.compile(
    r"(?<=[\d}]) (?=(?:%|‰|[kMGT]?B|[kMGT]|KB|ms|s|min|h|px|"
    r"epochs?|pixels?|seconds?|minutes?|hours?|days?|"
    r"毫秒|秒|分钟|分|小时|天|轮|像素|兆)(?![A-Za-z]))"
)


def language_of(locale: str | None) -> str:
    """Return the language for readers of a locale such as `zh-CN`."""
    start = (locale or "").replace("_", "-").split("-")[0].lower()
    return start if start in LANGUAGES else DEFAULT


def tell(text: str, language: str) -> str:
    """Say a marked text or a sentence in a language; what is in no catalogue stays as it is."""
    if isinstance(text, Quoted):
        return str(text)
    if isinstance(text, Message):
        values = {
            name: tell(value, language) if isinstance(value, str) else value
            for name, value in text.values.items()
        }
        return FORMATTER.vformat(tell(text.template, language), (), values)
    # The empty text stands for a catalogue's own header.
    return unbroken(_catalogue(language).gettext(text)) if text else ""


def tell_number(one: str, many: str, count: int, language: str) -> str:
    """Return the form of a text that fits a number."""
    return unbroken(_catalogue(language).ngettext(one, many, count))


def unbroken(text: str) -> str:
    """Keep each number on one line with its unit, by a space that does not break."""
    return _BEFORE_UNIT.sub("\N{NO-BREAK SPACE}", text)


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    if language not in _CATALOGUES:
        return gettext.NullTranslations()
    return gettext.translation(DOMAIN, FOLDER, [_CATALOGUES[language]])
