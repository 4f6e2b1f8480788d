"""What is known of a person's own images, taken along with a network's weights.

Where the images never were, nothing else tells what the classes are called, and how an image is
prepared before the network sees it. What comes in is a stranger's: it is read only where nothing is
known yet, and gives way to the images themselves.
"""

import json
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from core.data.own.kept import MANIFEST, MAX_NAME, MAX_TITLE, folder_of, info_from, is_known, is_own

_MAX_CHARACTERS: Final = 20_000
_MAX_IMAGES: Final = 1_000_000
# Entries that older data sets lack, and what is true of those.
_OPTIONAL: Final = {"preparation": "centred", "paper": 0, "ink": 255}
_NEEDED: Final = ("title", "class_names", "train", "validation", "test", "mean", "std")


def description_of(key: str) -> str:
    """Return what is known of own images as JSON; empty where nothing is."""
    try:
        about = json.loads((folder_of(key) / MANIFEST).read_text(encoding="utf-8"))
        return json.dumps(_described(about), ensure_ascii=False)
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def remember(key: str, description: str) -> None:
    """Keep what weights tell of images that were never here; what makes no sense is passed over.

    Raises:
        OSError: the disk refuses.
    """
    if not is_own(key) or is_known(key) or not 0 < len(description) <= _MAX_CHARACTERS:
        return
    try:
        about = _described(json.loads(description))
    except (ValueError, KeyError, TypeError, RecursionError):
        return
    if not _is_sound(about) or info_from(key, about) is None:
        return
    folder = folder_of(key)
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix="new.", dir=folder.parent))
    try:
        (made / MANIFEST).write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")
        # Somebody may have been faster.
        with suppress(FileExistsError):
            made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _described(about: object) -> dict[str, object]:
    if not isinstance(about, dict):
        raise TypeError("not a description")
    return {name: about[name] for name in _NEEDED} | {
        name: about.get(name, usual) for name, usual in _OPTIONAL.items()
    }


def _is_sound(about: dict[str, object]) -> bool:
    """Tell whether a description says only what NetSketch writes, and at no greater length."""
    names, title = about["class_names"], about["title"]
    if not isinstance(names, list) or not _is_text(title, MAX_TITLE):
        return False
    counts = [about[part] for part in ("train", "validation", "test", "paper", "ink")]
    shares = [about[name] for name in ("mean", "std")]
    return (
        all(_is_text(name, MAX_NAME) for name in names)
        and len(set(names)) == len(names)
        and all(type(count) is int and 0 <= count <= _MAX_IMAGES for count in counts)
        and all(isinstance(one, int | float) and 0 <= one <= 1 for one in shares)
    )


def _is_text(text: object, most: int) -> bool:
    return isinstance(text, str) and 0 < len(text.strip()) <= most and text.isprintable()
