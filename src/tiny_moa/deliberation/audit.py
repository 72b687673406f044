"""A meeting's minutes as a chain of hashes: each entry names the one before, so that a changed one is found; pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

START = "0" * 64
"""What the first entry names as the one before."""


@dataclass(frozen=True)
class Entry:
    """One entry of the minutes: what kind it is, what it says, and the digest over that and the entry before."""

    kind: str
    body: Mapping[str, Any]
    digest: str


def chained(entries: Sequence[Entry], kind: str, body: Mapping[str, Any]) -> tuple[Entry, ...]:
    """Add an entry; its body must be plain JSON values."""
    before = entries[-1].digest if entries else START
    return (*entries, Entry(kind, body, _digest(before, kind, body)))


def first_broken(entries: Sequence[Entry]) -> int | None:
    """Give the place of the first entry that does not follow from the one before it, `None` when all do."""
    before = START
    for place, entry in enumerate(entries):
        if entry.digest != _digest(before, entry.kind, entry.body):
            return place
        before = entry.digest
    return None


def _digest(before: str, kind: str, body: Mapping[str, Any]) -> str:
    text = json.dumps([before, kind, body], sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
