"""Tiny MoA: a private team of small local experts, served over MCP.

The public names are few on purpose: `build_team` and `Call` to use the team from Python, the errors, and the version.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from tiny_moa.errors import TinyMoAError

if TYPE_CHECKING:
    from tiny_moa.experts.base import Call
    from tiny_moa.server.team import Team, build_team
    from tiny_moa.settings import Settings, load_settings

try:
    __version__ = version("tiny-moa")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["Call", "Settings", "Team", "TinyMoAError", "__version__", "build_team", "load_settings"]

_LAZY = {
    "Call": "tiny_moa.experts.base",
    "Settings": "tiny_moa.settings",
    "Team": "tiny_moa.server.team",
    "build_team": "tiny_moa.server.team",
    "load_settings": "tiny_moa.settings",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that a worker process does not pay for the whole package."""
    if name not in _LAZY:
        raise AttributeError(f"module 'tiny_moa' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)
