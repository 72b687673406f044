"""Tells clients when a document under the roots changed, came or went; looks at names, sizes and times only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio
import anyio.to_thread
from mcp.server.subscriptions import SubscriptionBus
from mcp.shared.subscriptions import ResourcesListChanged, ResourceUpdated

from tiny_moa.experts.documents import DocumentLibrary

PAUSE_SECONDS = 3.0
"""Time between two looks."""
_PAUSES_A_LOOK = 50
"""A look that takes long is followed by a pause so many times as long: watching costs two hundredths of a core at most."""
MAX_WATCHED = 2_000
_METHODS = ("resources/list", "resources/read", "resources/subscribe", "subscriptions/listen")

Seen = Mapping[str, tuple[int, int]]


class Watch:
    """Watches the documents from the first time that a client asks for any.

    Clients of the newer protocol hear of changes on the streams they listen on; the one of the older protocol that asked
    last hears of every change.
    """

    def __init__(self, library: DocumentLibrary, bus: SubscriptionBus) -> None:
        self._library = library
        self._bus = bus
        self._wanted = anyio.Event()
        self._session: Any = None

    async def notice(self, context: Any, call_next: Callable[[Any], Awaitable[Any]]) -> Any:
        """See who asks for documents, as a middleware of the server."""
        if context.method in _METHODS and self._library.roots:
            self._session = context.session
            self._wanted.set()
        return await call_next(context)

    async def run(self) -> None:
        """Watch until cancelled."""
        await self._wanted.wait()
        before = await anyio.to_thread.run_sync(self._look)
        while True:
            began = anyio.current_time()
            now = await anyio.to_thread.run_sync(self._look)
            took = anyio.current_time() - began
            changed, is_other_list = changes(before, now)
            await self._tell(changed, is_other_list=is_other_list)
            before = now
            await anyio.sleep(max(PAUSE_SECONDS, took * _PAUSES_A_LOOK))

    def _look(self) -> Seen:
        seen: dict[str, tuple[int, int]] = {}
        for ref in self._library.list(MAX_WATCHED):
            try:
                status = ref.path.lstat()
            except OSError:
                continue
            seen[ref.uri] = (status.st_mtime_ns, status.st_size)
        return seen

    async def _tell(self, changed: tuple[str, ...], *, is_other_list: bool) -> None:
        for uri in changed:
            await self._bus.publish(ResourceUpdated(uri=uri))
        if is_other_list:
            await self._bus.publish(ResourcesListChanged())
        if self._session is None or self._session.protocol_version >= "2026":
            return
        try:
            for uri in changed:
                await self._session.send_resource_updated(uri)
            if is_other_list:
                await self._session.send_resource_list_changed()
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            self._session = None


def changes(before: Seen, now: Seen) -> tuple[tuple[str, ...], bool]:
    """Give the documents that are there as before and changed, and whether any came or went."""
    changed = tuple(uri for uri, mark in now.items() if uri in before and before[uri] != mark)
    return changed, before.keys() != now.keys()
