"""Where records of runs are kept: one JSON file each, for the user's eyes only; old ones make room for new ones."""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import anyio.to_thread

from tiny_moa.errors import InvalidRequest
from tiny_moa.models.stores import data_folder
from tiny_moa.traces.record import Record, written

logger = logging.getLogger(__name__)

MOST_TRACES = 200
MOST_FOLDER_BYTES = 16 * 2**20
_ID = re.compile(r"\d{8}-\d{6}-\d{6}[0-9a-f]{2}")
"""Day, time to the microsecond, and two digits for runs that end together: in the order of time when sorted."""


def traces_folder() -> Path:
    """Name the folder of this user's traces."""
    return data_folder(os.environ) / "traces"


class TraceStore:
    """Keeps records, the newest `MOST_TRACES` of them and `MOST_FOLDER_BYTES` at most."""

    def __init__(self, folder: Path, *, is_on: bool = True) -> None:
        """Take the folder; nothing is written to it while the store is off."""
        self._folder = folder
        self._is_on = is_on

    async def keep(self, record: Record) -> str:
        """Write a record and give its id; empty when the store is off or the folder cannot be written to.

        A failure is logged; no answer fails for want of its trace.
        """
        if not self._is_on:
            return ""
        now = datetime.now(UTC)
        name = f"{now:%Y%m%d-%H%M%S-%f}{secrets.token_hex(1)}"
        text = written({"id": name, "asked_at": now.isoformat(timespec="seconds"), **record})
        try:
            await anyio.to_thread.run_sync(self._write, name, text)
        except OSError as exc:
            logger.warning("the trace cannot be written: %s; TINY_MOA_TRACES=false turns traces off", exc)
            return ""
        return name

    def ids(self) -> list[str]:
        """Give the ids of what is kept, the newest first."""
        return sorted((file.stem for file in self._folder.glob("*.json") if _ID.fullmatch(file.stem)), reverse=True)

    def load(self, name: str) -> Record:
        """Read a record by its id, or by `last` for the newest.

        Raises:
            InvalidRequest: There is none, or its file cannot be read.
        """
        known = self.ids()
        if not known:
            raise InvalidRequest(f"no trace is kept in {str(self._folder)!r}; ask something first, with TINY_MOA_TRACES on")
        found = known[0] if name == "last" else name
        if found not in known:
            raise InvalidRequest(f"no trace {name!r}; the newest is {known[0]!r}, and `tiny-moa trace --list` shows all")
        try:
            record = json.loads((self._folder / f"{found}.json").read_text("utf-8"))
        except (OSError, ValueError) as exc:
            raise InvalidRequest(f"the trace {found!r} cannot be read: {exc}; delete its file in {str(self._folder)!r}") from exc
        if not isinstance(record, dict):
            raise InvalidRequest(f"the trace {found!r} is no record; delete its file in {str(self._folder)!r}")
        return record

    def _write(self, name: str, text: str) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = self._folder / f"{name}.new"
        try:
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
            new.replace(self._folder / f"{name}.json")
        except OSError:
            new.unlink(missing_ok=True)
            raise
        self._make_room()

    def _make_room(self) -> None:
        """Remove the oldest beyond what is kept; what another process removed first is gone all the same."""
        held = 0
        for place, name in enumerate(self.ids()):
            file = self._folder / f"{name}.json"
            with suppress(OSError):
                held += file.stat().st_size
                if place >= MOST_TRACES or (held > MOST_FOLDER_BYTES and place):
                    file.unlink()
