"""Runs on the disk: a folder each, which is the truth, and a database that lists them."""

from core.store.disk import StoreError, Unreadable
from core.store.folder import RunFolder
from core.store.row import RunRow
from core.store.store import INTERRUPTED, NEVER_BEGAN, Store

__all__ = ["INTERRUPTED", "NEVER_BEGAN", "RunFolder", "RunRow", "Store", "StoreError", "Unreadable"]
