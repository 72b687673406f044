"""What a reader understood: the operation, its operands as trees, and how the answer is wanted; a plain value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Question:
    """A question that is mathematics from its first word to its last.

    Attributes:
        op: The operation, by the worker's name for it.
        args: Its operands: trees, names and numbers, all fit for JSON.
        unit: What the answer is counted in, written behind it.
    """

    op: str
    args: Mapping[str, Any] = field(default_factory=dict)
    unit: str = ""
