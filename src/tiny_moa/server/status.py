"""What running servers are doing, for `tiny-moa status`: each keeps a snapshot of itself in a folder of the user's."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from tiny_moa.models.claims import start_of_process
from tiny_moa.models.machine import user_folder
from tiny_moa.server.describe import describe_status
from tiny_moa.server.team import Team

logger = logging.getLogger(__name__)

BEAT_SECONDS = 2.0


def status_folder() -> Path:
    """Name the folder of this user's snapshots."""
    return user_folder(os.environ) / "status"


@asynccontextmanager
async def published(team: Team, folder: Path) -> AsyncIterator[None]:
    """Keep this process's snapshot in `folder` up to date while the body runs, and take it away afterwards.

    A folder that cannot be written to is logged once; nothing else depends on it.
    """
    file = folder / f"{os.getpid()}.json"
    async with anyio.create_task_group() as group:
        group.start_soon(_beat, team, file)
        try:
            yield
        finally:
            group.cancel_scope.cancel()
            with suppress(OSError):
                file.unlink(missing_ok=True)


async def _beat(team: Team, file: Path) -> None:
    known: dict[str, Any] | None = None
    while True:
        now = {"profile": team.profile.name, **describe_status(team)}
        if now != known:
            try:
                await anyio.to_thread.run_sync(_write, file, now)
            except OSError as exc:
                logger.warning("the status cannot be written for `tiny-moa status`: %s", exc)
                return
            known = now
        await anyio.sleep(BEAT_SECONDS)


def _write(file: Path, snapshot: dict[str, Any]) -> None:
    """Write atomically: a reader sees the snapshot before or the one after."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = datetime.now(UTC).isoformat(timespec="seconds")
    mine = {"pid": os.getpid(), "start": start_of_process(os.getpid()), "written": written}
    new = file.with_suffix(".new")
    new.write_text(json.dumps({**mine, **snapshot}), "utf-8")
    new.replace(file)


def live_snapshots(folder: Path) -> list[dict[str, Any]]:
    """Give the snapshots of the servers that run now, oldest process id first; removes what ended servers left."""
    found = []
    for file in sorted(folder.glob("*.json")):
        try:
            snapshot = json.loads(file.read_text("utf-8"))
            is_alive = start_of_process(int(snapshot["pid"])) == snapshot["start"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if is_alive:
            found.append(snapshot)
        else:
            with suppress(OSError):
                file.unlink(missing_ok=True)
    return sorted(found, key=lambda snapshot: int(snapshot["pid"]))
