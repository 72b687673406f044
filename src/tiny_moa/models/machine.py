"""What this machine, or the container we are in, has of memory and cores and can give; reads system files and nothing else."""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

DEFAULT_SHARE = 0.6
"""The part of the available memory that models may take when the user names no limit."""
MACHINE_SHARE = 0.9
"""The part of all memory that the models of all our processes may take together."""
MOST_THREADS = 8
"""More threads than that are never taken by themselves: small models wait for memory, not for cores (unverified above 2)."""
_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")
_LIMITS = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))
"""A container's limit and what it uses of it, in versions 2 and 1 of cgroups."""


def user_folder(environ: Mapping[str, str]) -> Path:
    """Name the folder that all processes of this user share while the machine runs: claims, locks and snapshots lie in it.

    It is not made here; whoever makes it must see to it that it is this user's alone.
    """
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        return Path(runtime) / "tiny-moa"
    user = str(os.getuid()) if hasattr(os, "getuid") else environ.get("USERNAME", "user")
    return Path(tempfile.gettempdir()) / f"tiny-moa-{user}"


def usable_threads() -> int:
    """Give how many threads a model should use: the cores this process may run on and is paid for, at most 8."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, _quota_cores(_CGROUP / "cpu.max"), MOST_THREADS))


def _quota_cores(file: Path) -> int:
    """Give the whole cores a container is granted, as many as anyone wants when it is not limited."""
    try:
        quota, period = file.read_text("ascii").split()
        return max(1, int(quota) // int(period))
    except (OSError, ValueError):
        return MOST_THREADS


def memory_limit(memory_mib: int) -> int:
    """Give the bytes that the models of this process may take: the setting, or 60 % of what is available when it is 0."""
    return memory_mib << 20 if memory_mib else int(available_bytes() * DEFAULT_SHARE)


def total_bytes(meminfo: Path = _MEMINFO, cgroup: Path = _CGROUP) -> int:
    """Give all the memory of the machine, or of the container when that has less."""
    limit, _ = _container(cgroup)
    return min(_system(meminfo)[0], limit)


def available_bytes(meminfo: Path = _MEMINFO, cgroup: Path = _CGROUP) -> int:
    """Give the memory that programs can still take, page cache included, within the container's limit."""
    limit, used = _container(cgroup)
    return max(min(_system(meminfo)[1], limit - used), 0)


def _system(meminfo: Path) -> tuple[int, int]:
    """All memory, and what of it is available; where a system does not tell the latter, all of it."""
    try:
        lines = dict(line.split(":", 1) for line in meminfo.read_text("ascii").splitlines() if ":" in line)
        return _kib(lines["MemTotal"]), _kib(lines.get("MemAvailable", lines["MemTotal"]))
    except (OSError, KeyError, ValueError):
        pass
    if sys.platform == "win32":
        return _windows()
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return pages, pages


def _kib(text: str) -> int:
    return int(text.split()[0]) * 1024


def _container(folder: Path) -> tuple[int, int]:
    """A container's limit and what it uses of it; no limit is a huge one."""
    for limit, used in _LIMITS:
        try:
            return int((folder / limit).read_text("ascii")), int((folder / used).read_text("ascii"))
        except (OSError, ValueError):  # no such version, or "max"
            continue
    return 1 << 62, 0


def _windows() -> tuple[int, int]:
    """See GlobalMemoryStatusEx: two 32-bit fields, then total and available physical bytes among seven 64-bit ones."""
    status = (ctypes.c_uint64 * 8)()
    ctypes.cast(status, ctypes.POINTER(ctypes.c_uint32))[0] = ctypes.sizeof(status)
    kernel = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined, unused-ignore]
    kernel.GlobalMemoryStatusEx(ctypes.byref(status))
    return status[1], status[2]
