"""What a data set and its classes are called; what a person has called so is told as it is."""

from core.data.catalogue import class_names_of
from core.data.loading import short_title_of, title_of
from core.data.own.kept import is_own
from core.words.message import Message
from pages.shared.language import say


def data_title(key: str) -> str:
    """Return what people call a data set."""
    return told(title_of(key), key)


def short_data_title(key: str) -> str:
    """Return what people call a data set, where there is little room."""
    return told(short_title_of(key), key)


def class_titles(key: str) -> tuple[str, ...]:
    """Return what people call a data set's classes, in the order of a network's outputs."""
    return tuple(told(name, key) for name in class_names_of(key))


def told(words: str, key: str) -> str:
    """Tell what a data set or one of its classes is called."""
    # A word of a person's own may happen to be one that is in the catalogue.
    return words if is_own(key) and not isinstance(words, Message) else say(words)
