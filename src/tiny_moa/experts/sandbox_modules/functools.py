"""What the interpreter's own functools lacks: a decorator that would copy names, which functions do not have there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def wraps(wrapped: Any, assigned: Any = (), updated: Any = ()) -> Callable[[Any], Any]:
    """Give a decorator that changes nothing."""
    return lambda wrapper: wrapper
