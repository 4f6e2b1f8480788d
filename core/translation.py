"""NetSketch's words in other languages, from gettext catalogues that Babel compiles."""

import gettext
from functools import cache
from pathlib import Path
from typing import Final

from core.message import FORMATTER, Message, Quoted

# Each language as its own readers write it.
LANGUAGES: Final = {"en": "English", "zh": "中文"}
DEFAULT: Final = "en"
FOLDER: Final = Path(__file__).parent / "locale"
DOMAIN: Final = "netsketch"

_CATALOGUES: Final = {"zh": "zh_CN"}


def language_of(locale: str | None) -> str:
    """Return the language for readers of a locale such as `zh-CN`."""
    start = (locale or "").replace("_", "-").split("-")[0].lower()
    return start if start in LANGUAGES else DEFAULT


def tell(text: str, language: str) -> str:
    """Say a marked text or a sentence in a language; what is in no catalogue stays as it is."""
    if isinstance(text, Quoted):
        return str(text)
    if isinstance(text, Message):
        if language == DEFAULT:
            return str(text)
        values = {
            name: tell(value, language) if isinstance(value, str) else value
            for name, value in text.values.items()
        }
        return FORMATTER.vformat(tell(text.template, language), (), values)
    # The empty text stands for a catalogue's own header.
    return _catalogue(language).gettext(text) if text else ""


def tell_number(one: str, many: str, count: int, language: str) -> str:
    """Return the form of a text that fits a number."""
    return _catalogue(language).ngettext(one, many, count)


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    if language not in _CATALOGUES:
        return gettext.NullTranslations()
    return gettext.translation(DOMAIN, FOLDER, [_CATALOGUES[language]])
