"""What is around the pages as they are served: room for uploads, help, and an orderly end."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from urllib.parse import urlsplit

import streamlit as st
from starlette.middleware import Middleware
from streamlit import config, runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from streamlit.web.server.server_util import is_url_from_allowed_origins

from core.runs.manager import close_runs
from core.serving.connection import ConnectionHelp
from core.serving.limits import Limits
from core.serving.memory_budget import memory_budget
from core.serving.released_memory import giving_memory_back
from core.serving.shutdown import keeping_at_the_end
from core.serving.upload_budget import Held, UploadBudget
from core.serving.uploads import Scope, UploadGuard
from pages.shared.closed_pages import let_go_of_closed
from pages.shared.person import network_of
from pages.shared.uploaded import Record, keep_on_disk

MB = 2**20


def middleware(budget: UploadBudget) -> list[Middleware]:
    """Return what every request goes through before Streamlit sees it."""
    most = config.get_option("server.maxUploadSize") * MB
    return [
        Middleware(ConnectionHelp, may_connect=_may_connect),
        Middleware(UploadGuard, budget=budget, most=most, address_of=_address_of),
    ]


def budget_of(allowed: Limits) -> UploadBudget:
    """Return how much of uploads this server holds."""
    return UploadBudget(
        per_session=allowed.max_mb_per_page * MB,
        per_address=allowed.max_mb_per_address * MB,
        in_all=allowed.max_mb * MB,
        held=_held,
    )


def lifespan() -> Callable[[st.App], AbstractAsyncContextManager[None]]:
    """Return what goes on as long as the server does."""

    @asynccontextmanager
    async def alive(app: st.App) -> AsyncIterator[None]:
        keep_on_disk(_manager())
        memory = memory_budget()
        is_here = runtime.get_instance().is_active_session
        watch = giving_memory_back(
            lambda: memory.taken, memory.highest, lambda: let_go_of_closed(is_here)
        )
        async with keeping_at_the_end(close_runs), watch:
            yield

    return alive


async def _may_connect(origin: str, host: str) -> bool:
    """Decide as Streamlit does about a page's websocket."""
    if not origin or urlsplit(origin).netloc == host:
        return True
    # It may look the machine's own addresses up.
    return await asyncio.to_thread(is_url_from_allowed_origins, origin)


def _held() -> Mapping[str, Held]:
    """Count what Streamlit holds of each session's uploads."""
    if not runtime.exists():
        return {}
    manager = _manager()
    # Its own dictionaries, which other threads change meanwhile.
    with manager._lock:
        return {
            session: Held(len(files), sum(map(_size_of, files.values())))
            for session, files in manager.file_storage.items()
        }


def _size_of(file: UploadedFileRec) -> int:
    return file.held.size if isinstance(file, Record) else len(file.data)


def _manager() -> MemoryUploadedFileManager:
    manager = runtime.get_instance().uploaded_file_mgr
    assert isinstance(manager, MemoryUploadedFileManager)
    return manager


def _address_of(scope: Scope) -> str:
    client = scope.get("client")
    return network_of(client[0]) if client else ""
