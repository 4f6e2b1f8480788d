"""Runs on the disk: a folder each, which is the truth, and a list made from these."""

from core.runs.store.disk import StoreError, Unreadable
from core.runs.store.folder import RunFolder
from core.runs.store.row import RunRow
from core.runs.store.store import Store

__all__ = ["RunFolder", "RunRow", "Store", "StoreError", "Unreadable"]
