"""What the user agreed to and which foreign files were checked: one small JSON file in the user's data folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FILE = "ledger.json"


@dataclass(frozen=True)
class Ledger:
    """Remembers accepted licences, and files of other programs that were found to be the catalogue's.

    Every call reads or writes the whole file; a file that is broken counts as empty and is written anew. Of two processes
    that write at the same time the later one wins: the worst that is lost is an answer, which is then asked for again.

    Attributes:
        folder: The user's data folder; made when something is written.
    """

    folder: Path

    def accepted(self, licence: str) -> bool:
        """Whether a licence was accepted."""
        return licence in self._read().get("licences", [])

    def accept(self, licence: str) -> None:
        """Remember that a licence was accepted.

        Raises:
            OSError: The folder cannot be written.
        """
        content = self._read()
        content["licences"] = sorted({*content.get("licences", []), licence})
        self._write(content)

    def adopted(self, sha256: str) -> Path | None:
        """Give the foreign file of a digest, `None` when there is none or it changed since it was hashed."""
        entry = self._read().get("adopted", {}).get(sha256)
        if not isinstance(entry, dict):
            return None
        path = Path(str(entry.get("path")))
        return path if _mark(path) == entry.get("mark") else None

    def adopt(self, sha256: str, path: Path) -> None:
        """Remember that a foreign file has a digest, with its size and time to notice when it changes.

        Raises:
            OSError: The folder cannot be written.
        """
        self._change_adopted(sha256, {"path": str(path), "mark": _mark(path)})

    def forget(self, sha256: str) -> None:
        """Forget a foreign file; harmless when there is none.

        Raises:
            OSError: The folder cannot be written.
        """
        if sha256 in self._read().get("adopted", {}):
            self._change_adopted(sha256, None)

    def _change_adopted(self, sha256: str, entry: Mapping[str, Any] | None) -> None:
        content = self._read()
        kept = {key: value for key, value in content.get("adopted", {}).items() if key != sha256}
        content["adopted"] = kept if entry is None else {**kept, sha256: entry}
        self._write(content)

    def _read(self) -> dict[str, Any]:
        try:
            content = json.loads((self.folder / _FILE).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        kinds = {"licences": list, "adopted": dict}
        return {
            key: content[key] for key, kind in kinds.items() if isinstance(content, dict) and isinstance(content.get(key), kind)
        }

    def _write(self, content: Mapping[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f"{_FILE}.{os.getpid()}"
        draft.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
        draft.replace(self.folder / _FILE)


def _mark(path: Path) -> list[int] | None:
    """What changes when a file's content does: its size and its time."""
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns]
