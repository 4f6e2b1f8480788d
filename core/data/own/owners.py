"""Who owns which data set: who may see, use and delete it, and how many a person may keep.

A file beside the images of a set names the people who brought them in. The same images brought in
by two people are one set that both own, and it leaves the disk when the last of them deletes it. A
set that names no owner, as those that earlier versions kept, is everybody's. Of an owner's network
address a digest is kept, which is another for each set: enough to count by, and nothing to read.
"""

import json
import os
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from core.data.catalogue import info_of
from core.data.npz import Images, Labels
from core.data.own import kept as own
from core.data.own.kept import OwnImages, images_path, is_own
from core.data.preview import preview
from core.serving.limits import Limits
from core.serving.ownership import Ownership
from core.words.errors import UserError
from core.words.message import message

_OWNERS: Final = "owners.json"
# Stands for owners that cannot be read. No browser has this name, so nobody sees the set.
_UNKNOWN: Final[Mapping[str, str]] = {"unknown": ""}


class OwnData:
    """The own data sets of a server, as each person may use them.

    Args:
        limits: of this server.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._ownership = Ownership(limits.only_own_runs)
        # Of two changes at once one would forget an owner, or both would take the last room.
        self._changing = threading.Lock()

    def keys(self, person: str) -> tuple[str, ...]:
        """Return the data sets that a person may use, newest first."""
        return tuple(key for key in own.own_keys() if self.may_use(key, person))

    def may_use(self, key: str, person: str) -> bool:
        """Tell whether a person may see, use and delete a data set; not an own one, anybody may."""
        if not is_own(key) or not images_path(key).is_file():
            return True
        owners = owners_of(key)
        return not owners or any(self._ownership.allows(owner, person) for owner in owners)

    def require(self, key: str, person: str) -> None:
        """See to it that a person may use a data set.

        Raises:
            UserError: its images are somebody else's.
        """
        if not self.may_use(key, person):
            raise UserError(
                message(
                    "The images of “{title}” are somebody else’s, and on this server each uses "
                    "their own. Choose other data, or bring the images in yourself.",
                    title=info_of(key).title,
                )
            )

    def pictures(self, key: str, person: str) -> tuple[Images, Labels]:
        """Return one image of each class; see `preview`.

        Raises:
            FormatError, UserError: the images are not here, damaged or somebody else's.
        """
        self.require(key, person)
        return preview(key)

    def keep(self, images: OwnImages, person: str, address: str = "") -> str:
        """Keep images for a person; return their key.

        Args:
            images: what was taken in.
            person: whose they are; empty for everybody's.
            address: where they come from; empty for this very machine.

        Raises:
            UserError: this person, or this address, keeps too many data sets already.
            OSError: the disk refuses.
        """
        with self._changing:
            return self._keep(images, person, address)

    def _keep(self, images: OwnImages, person: str, address: str) -> str:
        here = set(own.own_keys())
        key = own.key_of(images)
        before = _read_to_change(key) if key in here else {}
        if person not in before:
            self._require_room(here, person, address)
        if key not in here:
            self._require_disk(here, person, images.num_bytes)
        if key in here and not before:
            return own.keep(images)  # it is everybody's, and remains so
        # A person without a name adds no owner, and takes none away.
        owners = {**before, person: _digest(key, address)} if person else before
        if not owners:
            _write(key, owners)
        return own.keep(images, {_OWNERS: json.dumps(owners)} if owners else None)

    def delete(self, key: str, person: str) -> None:
        """Delete a person's images; where they are somebody's besides, these keep them.

        Raises:
            UserError: they are somebody else's, or the disk refuses.
        """
        self.require(key, person)
        try:
            with self._changing:
                before = _read_to_change(key)
                left = {owner: address for owner, address in before.items() if owner != person}
                if self._ownership.only_own and left:
                    _write(key, left)
                    return
                own.delete(key)
                _write(key, {})
        except OSError as error:
            raise UserError(
                message(
                    "The images cannot be deleted now ({why}). See to the disk, then try again.",
                    why=error.strerror or str(error),
                )
            ) from error

    def _require_room(self, here: set[str], person: str, address: str) -> None:
        most = self._limits.max_own_sets_per_person
        if person and sum(person in _read(key) for key in here) >= most:
            raise UserError(
                message(
                    "You keep {count} data sets of your own, and this server allows a person no "
                    "more. Delete one first.",
                    count=most,
                )
            )
        most = self._limits.max_own_sets_per_address
        if address and sum(_digest(key, address) in _read(key).values() for key in here) >= most:
            raise UserError(
                message(
                    "{count} data sets are kept that came from your network address, and this "
                    "server allows an address no more. Delete one first.",
                    count=most,
                )
            )

    def _require_disk(self, here: set[str], person: str, more: int) -> None:
        sizes = {key: own.size_of(key) for key in here}
        most = self._limits.max_own_mb_per_person
        theirs = sum(size for key, size in sizes.items() if person in _read(key))
        if person and theirs + more > most * 10**6:
            raise UserError(
                message(
                    "Your own data sets would take more than the {most:,} MB that this server "
                    "keeps for a person. Delete one first.",
                    most=most,
                )
            )
        most = self._limits.max_own_mb
        if sum(sizes.values()) + more > most * 10**6:
            raise UserError(
                message(
                    "All own data sets together would take more than the {most:,} MB that this "
                    "server keeps for them. Whoever no longer needs theirs can delete it.",
                    most=most,
                )
            )


def owners_of(key: str) -> Sequence[str]:
    """Return the owners of a data set; none where it is everybody's."""
    return tuple(_read(key))


def _digest(key: str, address: str) -> str:
    return sha256(f"{key} {address}".encode()).hexdigest()[:16] if address else ""


def _file(key: str) -> Path:
    return images_path(key).with_name(_OWNERS)


def _read(key: str) -> Mapping[str, str]:
    """Return the owners of a set, each with the digest of an address, or with nothing."""
    try:
        return _read_to_change(key)
    except OSError:
        return _UNKNOWN


def _read_to_change(key: str) -> Mapping[str, str]:
    """Return the owners of a set, to write them anew.

    Raises:
        OSError: they cannot be read now, and would be forgotten.
    """
    try:
        found = json.loads(_file(key).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict) and all(isinstance(value, str) for value in found.values()):
        return found
    return _UNKNOWN


def _write(key: str, owners: Mapping[str, str]) -> None:
    """Write who owns a set; without owners it is everybody's.

    Raises:
        OSError: the disk refuses.
    """
    path = _file(key)
    if not owners:
        with suppress(FileNotFoundError):
            path.unlink()
        return
    handle, made = tempfile.mkstemp(dir=path.parent, prefix="new.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(dict(owners), file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(made, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(made)
        raise
