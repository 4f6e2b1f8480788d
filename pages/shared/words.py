"""Numbers and durations as people read them."""

import re
import unicodedata

from pages.shared.language import _

# A number and its unit stay on one line; `core.words.translation` sees to sentences.
_FAST = "\N{NO-BREAK SPACE}"
_SPECIAL = re.compile(r"[\\`*_{}\[\]()#+\-.!|<>$~:&]")
# What Streamlit 1.67 looks for after the marks were read: arrows and the like, addresses of pages
# and of people, icons and emoji.
_MARK = re.compile(
    rf"(?P<found_later>[-<>~=]{{2,}}|[Ww]{{3}}(?=\.)|:(?=[A-Za-z0-9_+/-])|@)|{_SPECIAL.pattern}"
)


def percent(share: float | None, digits: int = 1) -> str:
    """Write a share from 0 to 1, such as `98.6 %`; a dash for None."""
    return "–" if share is None else f"{100 * share:.{digits}f}{_FAST}%"


def duration(seconds: float | None) -> str:
    """Write seconds, such as `4.2 s`, `1 min 05 s`, `2 h 10 min`; a dash for None."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return _("{seconds:.1f} s").format(seconds=max(0.0, seconds))
    whole = round(seconds)
    if whole < 60:
        return _("{seconds} s").format(seconds=whole)
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return _("{minutes} min {seconds:02d} s").format(minutes=minutes, seconds=rest)
    hours, rest = divmod(whole, 3600)
    return _("{hours} h {minutes:02d} min").format(hours=hours, minutes=rest // 60)


def short(number: float) -> str:
    """Write a count in three figures, such as `24.1 k` or `12.7 M`."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= 0.9995 * size:  # 999.5 k reads as 1 M
            return f"{number / size:.3g}{_FAST}{letter}"
    return f"{number:,.0f}"


def disk_size(num_bytes: int) -> str:
    """Write what something takes on the disk: `840 kB`, `1.4 MB`, `34 MB`."""
    for size, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if num_bytes >= 0.9995 * size:
            amount = num_bytes / size
            return f"{amount:.{1 if amount < 9.95 else 0}f}{_FAST}{unit}"
    return f"{num_bytes}{_FAST}B"


def shape(sides: tuple[int, ...]) -> str:
    """Write a shape as people say it: `16 × 14 × 14`."""
    return " × ".join(f"{side:,}" for side in sides)


def width(text: str) -> int:
    """Return how many Latin letters would be about as wide."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def plain(text: str) -> str:
    """Escape text so that Markdown shows it as it is and fetches nothing.

    A backslash is enough for Markdown's own marks. Links, addresses, icons, emoji and arrows are
    looked for in the text that is left after those, so a letter of each stands in an element of its
    own: a `:color` without any colour, which looks like nothing.
    """
    return _MARK.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    letters = found[0]
    if found["found_later"] is None:
        return f"\\{letters}"
    escaped = [_SPECIAL.sub(r"\\\g<0>", letter) for letter in letters]
    alone = 0 if len(letters) == 1 else 1  # and of a longer arrow every second letter
    escaped[alone::2] = [f":color[{letter}]" for letter in escaped[alone::2]]
    return "".join(escaped)
