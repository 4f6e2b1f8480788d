"""The setting that names a data set: one of those that there are, or a person's own."""

from dataclasses import dataclass

from core.data.catalogue import info_of
from core.data.own.kept import is_own
from core.spec.settings import Choice, Value


@dataclass(frozen=True, kw_only=True)
class DataChoice(Choice):
    """A choice that also allows whatever has the form of a person's own data set."""

    def complaint(self, value: object) -> str | None:
        """See `Setting.complaint`."""
        return None if is_own(value) else super().complaint(value)

    def parse(self, text: str) -> object:
        """See `Setting.parse`."""
        return text if is_own(text) else super().parse(text)

    def name(self, value: Value) -> str:
        """The name of an option as people read it."""
        return info_of(str(value)).title if is_own(value) else super().name(value)
