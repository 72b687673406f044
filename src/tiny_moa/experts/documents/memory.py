"""What the document process may take and does take of memory; works with the system alone."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Final

logger = logging.getLogger(__name__)

MAX_MEMORY_BYTES: Final = 4 << 30
"""Address space of the process; every honest document measured stayed below 1.2 GB."""
MAX_RESIDENT_BYTES: Final = 1 << 30
"""A worker that holds more than this after a document is replaced, which gives the memory back."""
MAX_RESIDENT_WITH_MODELS_BYTES: Final = 3 << 30
"""The same for one with docling's models loaded, which took 1.4 GB and would have to be loaded again."""


def cap_memory(limit_bytes: int = MAX_MEMORY_BYTES) -> None:
    """Make this process fail an allocation instead of filling the machine, where the system can."""
    _set_limit(limit_bytes)


def lift_cap() -> None:
    """Take the cap away while models are loaded, which claims more addresses than memory."""
    _set_limit(-1)


def cap_growth() -> None:
    """Let this process take as much more, from where it is now, as one without models may take in all."""
    held = _pages(0)
    if held:
        _set_limit(held + MAX_MEMORY_BYTES)


def is_spent() -> bool:
    """Whether this process holds so much memory that another one should take its place."""
    return _pages(1) > (MAX_RESIDENT_WITH_MODELS_BYTES if holds_models() else MAX_RESIDENT_BYTES)


def holds_models() -> bool:
    """Whether docling's models are loaded here, or being loaded."""
    return bool(sys.modules.get("torch"))


def _set_limit(limit_bytes: int) -> None:
    """Limit the address space; -1 takes the limit away as far as the system lets it."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if limit_bytes < 0:
        limit_bytes = hard
    elif hard != resource.RLIM_INFINITY:
        limit_bytes = min(limit_bytes, hard)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, hard))
    except (ValueError, OSError):
        logger.warning("the memory of the document process could not be capped")


def _pages(column: int) -> int:
    """Give bytes out of Linux's account of this process: 0 for its addresses, 1 for its memory; 0 where there is none."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[column])
    except (OSError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
