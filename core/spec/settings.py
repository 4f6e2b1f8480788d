"""What one field of a spec may hold, and the words in which a person meets it.

A field of a spec dataclass carries one of these in its metadata. The validator, the URL and JSON
codecs and the pages' widgets all read the same record, so a limit stands in one place only.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar, cast

from core.words.message import message
from core.words.message import shown as shown
from core.words.number import NumberError, read_number

Value = int | float | str | bool
T = TypeVar("T", int, float, str, bool)
# Longer numbers stay text: int() refuses some thousand digits, and takes long over fewer.
_MAX_DIGITS: Final = 30


class Setting(Protocol):
    """The record behind one field: its words, its limits and its two text forms."""

    @property
    def label(self) -> str:
        """The field's name as a person reads it, in sentence case."""
        ...

    @property
    def help(self) -> str:
        """One or two sentences for the hover text."""
        ...

    def complaint(self, value: object) -> str | None:
        """Say what is wrong with `value`, as the end of a sentence, or None if nothing is."""
        ...

    def nearest(self, value: object, default: Value) -> Value:
        """Return the allowed value closest to `value`; `default` where nothing is close."""
        ...

    def parse(self, text: str) -> object:
        """Read the form that `format` writes; return `text` itself where it cannot be read."""
        ...

    def format(self, value: Value) -> str:
        """Write a value so that `parse` gives it back exactly."""
        ...


@dataclass(frozen=True, kw_only=True)
class Number:
    """A number in a closed range; whole unless `whole` is False."""

    label: str
    help: str
    low: float
    high: float
    whole: bool = True
    unit: str = ""

    def complaint(self, value: object) -> str | None:
        """See `Setting.complaint`."""
        kinds = (int,) if self.whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            if self.whole:
                return message(
                    "must be a whole number from {range}, not “{value}”",
                    range=self._range(),
                    value=shown(value),
                )
            return message(
                "must be a number from {range}, not “{value}”",
                range=self._range(),
                value=shown(value),
            )
        if not self.low <= value <= self.high:  # also catches NaN
            return message(
                "must be from {range}, not {value}", range=self._range(), value=shown(value)
            )
        return None

    def nearest(self, value: object, default: Value) -> Value:
        """See `Setting.nearest`."""
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            return default
        clamped = min(max(value, self.low), self.high)
        return round(clamped) if self.whole else float(clamped)

    def parse(self, text: str) -> object:
        """See `Setting.parse`."""
        if len(text) > _MAX_DIGITS:
            return text
        try:
            return int(text) if self.whole else float(text)
        except ValueError:
            return self._as_typed(text)

    def _as_typed(self, text: str) -> object:
        """Read an address in which a person wrote a number; return the text where that fails."""
        try:
            value = read_number(text)
        except NumberError:
            return text
        return value if self.whole else float(value)

    def read(self, text: str) -> int | float:
        """Read what a person has written, in whatever way numbers are written where they live.

        Raises:
            NumberError: it is no number, could be two, or is not allowed here; the sentence names
                the setting.
        """
        try:
            value = read_number(text)
        except NumberError as error:
            words = message("{setting}: {complaint}", setting=self.label, complaint=error.message)
            raise NumberError(words) from None
        complaint = self.complaint(value)
        if complaint is not None:
            words = message("{setting}: it {complaint}.", setting=self.label, complaint=complaint)
            raise NumberError(words)
        return value if self.whole else float(value)

    def format(self, value: Value) -> str:
        """See `Setting.format`."""
        return str(value) if self.whole else repr(float(value))

    def _range(self) -> str:
        low, high = self.low, self.high
        if not self.unit:
            return message("{low:.10g} to {high:.10g}", low=low, high=high)
        return message("{low:.10g} to {high:.10g} {unit}", low=low, high=high, unit=self.unit)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of a closed set.

    Attributes:
        label: see `Setting`.
        help: see `Setting`.
        options: each allowed value with its name for people.
        notes: for some options, a sentence or two to be read where that one is chosen.
    """

    label: str
    help: str
    options: Mapping[int, str] | Mapping[str, str]
    notes: Mapping[str, str] = field(default_factory=dict)

    def complaint(self, value: object) -> str | None:
        """See `Setting.complaint`."""
        allowed = tuple(self.options)
        if any(value == option and type(value) is type(option) for option in allowed):
            return None
        listed = ", ".join(str(option) for option in allowed)
        return message(
            "must be one of {options}, not “{value}”", options=listed, value=shown(value)
        )

    def nearest(self, value: object, default: Value) -> Value:
        """See `Setting.nearest`."""
        numbers = [option for option in self.options if isinstance(option, int)]
        if not numbers or isinstance(value, bool) or not isinstance(value, int | float):
            return default
        if math.isnan(value):
            return default
        return min(numbers, key=lambda option: abs(option - value))

    def parse(self, text: str) -> object:
        """See `Setting.parse`."""
        for option in self.options:
            if str(option) == text:
                return option
        try:
            return int(text) if len(text) <= _MAX_DIGITS else text
        except ValueError:
            return text

    def format(self, value: Value) -> str:
        """See `Setting.format`."""
        return str(value)

    def name(self, value: Value) -> str:
        """The name of an option as people read it."""
        return cast(Mapping[Value, str], self.options)[value]


@dataclass(frozen=True, kw_only=True)
class Flag:
    """On or off."""

    label: str
    help: str

    def complaint(self, value: object) -> str | None:
        """See `Setting.complaint`."""
        if isinstance(value, bool):
            return None
        return message("must be on or off, not “{value}”", value=shown(value))

    def nearest(self, value: object, default: Value) -> Value:
        """See `Setting.nearest`."""
        return default

    def parse(self, text: str) -> object:
        """See `Setting.parse`."""
        return {"1": True, "0": False}.get(text, text)

    def format(self, value: Value) -> str:
        """See `Setting.format`."""
        return "1" if value else "0"


def setting(default: T, record: Setting) -> T:
    """Declare a dataclass field that holds `default` and is described by `record`."""
    return field(default=default, metadata={"setting": record})
