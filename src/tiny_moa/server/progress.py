"""Signs of life while a call runs: one progress notification a second that names the phase; decides nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio

from tiny_moa.models.runtime import Phase

BEAT_SECONDS = 1.0

Report = Callable[[float, float | None, str | None], Awaitable[None]]


class Pulse:
    """A listener that remembers what is going on and can say it in a line."""

    def __init__(self) -> None:
        self._stage = ""
        self._phase: Phase = "queued"
        self._subject = ""
        self._tokens = 0

    def stage(self, name: str) -> None:
        """See `Listener.stage`."""
        self._stage, self._tokens = name, 0

    def phase(self, phase: Phase, subject: str) -> None:
        """See `Listener.phase`."""
        self._phase, self._subject = phase, subject

    def wrote(self, text: str) -> None:
        """See `Listener.wrote`."""
        self._tokens += 1

    def line(self) -> str:
        """Say what is going on, such as `coder: writing, 34 tokens`."""
        stage = f"{self._stage}: " if self._stage else ""
        match self._phase:
            case "writing":
                return f"{stage}writing, {self._tokens} tokens"
            case "reading":
                return f"{stage}reading the prompt ({self._subject})"
            case "queued":
                return f"{stage}queued for {self._subject}" if self._subject else f"{stage}starting"
            case _:
                return f"{stage}{self._phase} {self._subject}"


@asynccontextmanager
async def heartbeat(report: Report) -> AsyncIterator[Pulse]:
    """Give a pulse and report it once a second for as long as the body runs."""
    pulse = Pulse()

    async def beat() -> None:
        count = 0
        while True:
            await anyio.sleep(BEAT_SECONDS)
            count += 1
            await report(float(count), None, pulse.line())

    failure: Exception | None = None
    async with anyio.create_task_group() as group:
        group.start_soon(beat)
        try:
            yield pulse
        except Exception as exc:  # noqa: BLE001  carried out of the group, which would wrap it, and raised below
            failure = exc
        group.cancel_scope.cancel()
    if failure is not None:
        raise failure
