"""Who wrote what is not shown: labels drawn for each job and round, and texts without a word of their author; pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

_WHO = r"(?:Qwen|SmolLM|LFM|Liquid(?: AI)?|Falcon|Gemma|Llama|Granite|Youtu|GPT|Claude|Mistral|Phi|DeepSeek)[A-Za-z0-9_.\-]*"
_SELF = re.compile(
    rf"\b(?:as|I am|I'm|this is)\s+(?:an?\s+)?(?:AI(?: language)?(?: model| assistant)?|language model|assistant|{_WHO})"
    rf"(?:\s*\([^)]*\))?(?:,?\s*(?:created|made|trained|developed)\s+by\s+[\w ]{{1,30}})?\s*[,.:]?\s*",
    re.IGNORECASE,
)
_SELF_KO = re.compile(rf"저는\s+(?:{_WHO}|AI|인공지능)[\w ]{{0,30}}?(?:입니다|이에요|예요)[.,]?\s*")
_SIGNED = re.compile(rf"^\s*(?:[-—–]+\s*)?{_WHO}\s*:?\s*$", re.MULTILINE | re.IGNORECASE)


def labels(authors: Sequence[str], job: str, round_: int) -> dict[str, str]:
    """Give each author's candidate a label, `C1` to `Cn`, in an order nobody can tell from the outside.

    The order is drawn from the job and the round, so that the same job gives the same labels, all voters of a round share
    one order (and with it the read prompt), and it differs between rounds. Authors must be different.
    """
    if len(set(authors)) != len(authors):
        raise ValueError(f"authors {list(authors)}; each may have one candidate")
    drawn = sorted(authors, key=lambda author: hashlib.sha256(f"{job}\0{round_}\0{author}".encode()).digest())
    return {author: f"C{place}" for place, author in enumerate(drawn, start=1)}


def without_author(text: str) -> str:
    """Take out of a text what its author says of itself; code and numbers stay as they are."""
    parts = re.split(r"(```.*?```)", text, flags=re.DOTALL)
    return "".join(part if part.startswith("```") else _cleaned(part) for part in parts).strip()


def _cleaned(text: str) -> str:
    for pattern in (_SELF, _SELF_KO, _SIGNED):
        text = pattern.sub("", text)
    return text
