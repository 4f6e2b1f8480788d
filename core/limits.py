"""What a server allows: `netsketch.toml` beside app.py, or the file that NETSKETCH_CONFIG names."""

import logging
import os
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from core.errors import UserError

CONFIG: Final = Path(__file__).resolve().parents[1] / "netsketch.toml"
_SECTIONS: Final = {
    "queue": ("max_waiting", "max_waiting_per_person", "max_run_minutes"),
    "people": ("only_own_runs",),
    "store": ("keep_deleted_days",),
}

_log = logging.getLogger(__name__)


class LimitsError(UserError):
    """The file says something that cannot be; the text says where."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """A server's limits; 0 minutes are no limit."""

    max_waiting: int = 30
    max_waiting_per_person: int = 10
    max_run_minutes: int = 0
    only_own_runs: bool = False
    keep_deleted_days: int = 7

    @property
    def run_s(self) -> float | None:
        """Seconds that one run may take, or None."""
        return self.max_run_minutes * 60.0 or None


def limits(path: Path | None = None) -> Limits:
    """Read the limits; a file that cannot be read is named in the log and does not count."""
    chosen = path or Path(os.environ.get("NETSKETCH_CONFIG") or CONFIG)
    try:
        return parse(chosen.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Limits()
    except (OSError, UnicodeDecodeError, LimitsError) as error:
        _log.warning("%s is not used: %s", chosen, error)
        return Limits()


def parse(text: str) -> Limits:
    """Read the text of such a file.

    Raises:
        LimitsError: it is no TOML, or an entry is unknown or no whole number from 0 on.
    """
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise LimitsError(f"it is not TOML: {error}") from error
    values: dict[str, int | bool] = {}
    for section, entries in data.items():
        known = _SECTIONS.get(section)
        if known is None or not isinstance(entries, dict):
            raise LimitsError(f"“{section}” is none of the sections {', '.join(_SECTIONS)}")
        for name, value in entries.items():
            if name not in known:
                raise LimitsError(f"[{section}] has no entry “{name}”")
            lowest = 1 if name.startswith("max_waiting") else 0
            if name == "only_own_runs":
                if not isinstance(value, bool):
                    raise LimitsError(f"[{section}] {name} must be true or false")
            elif isinstance(value, bool) or not isinstance(value, int) or value < lowest:
                raise LimitsError(f"[{section}] {name} must be a whole number from {lowest} on")
            values[name] = value
    assert values.keys() <= {f.name for f in fields(Limits)}
    return Limits(**values)  # type: ignore[arg-type]
