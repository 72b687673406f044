from __future__ import annotations

import os
from pathlib import Path

import pytest

from tiny_moa.models import machine
from tiny_moa.models.machine import available_bytes, memory_limit, total_bytes, usable_threads

KIB = 1024
MEMINFO = "MemTotal:       8000 kB\nMemFree:        1000 kB\nMemAvailable:   5000 kB\n"


@pytest.fixture
def meminfo(tmp_path: Path) -> Path:
    (tmp_path / "meminfo").write_text(MEMINFO)
    return tmp_path / "meminfo"


def test_the_machine_says_what_it_has_and_what_is_free(meminfo: Path, tmp_path: Path) -> None:
    assert total_bytes(meminfo, tmp_path) == 8000 * KIB
    assert available_bytes(meminfo, tmp_path) == 5000 * KIB


@pytest.mark.parametrize(
    ("names", "limit", "total", "available"),
    [
        (("memory.max", "memory.current"), str(4000 * KIB), 4000, 3000),
        (("memory.max", "memory.current"), "max", 8000, 5000),
        (("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"), str(2000 * KIB), 2000, 1000),
        (("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"), str(2**63 - 4096), 8000, 5000),
    ],
)
def test_a_containers_limit_counts(
    meminfo: Path, tmp_path: Path, names: tuple[str, str], limit: str, total: int, available: int
) -> None:
    (tmp_path / "memory").mkdir()
    for name, content in zip(names, (limit, str(1000 * KIB)), strict=True):
        (tmp_path / name).write_text(content)
    assert total_bytes(meminfo, tmp_path) == total * KIB
    assert available_bytes(meminfo, tmp_path) == available * KIB


def test_without_the_file_the_system_is_asked(tmp_path: Path) -> None:
    assert total_bytes(tmp_path / "none", tmp_path) >= available_bytes(tmp_path / "none", tmp_path) > 1 << 24


def test_the_limit_is_the_setting_or_a_part_of_what_is_available() -> None:
    assert memory_limit(512) == 512 << 20
    assert 0 < memory_limit(0) < total_bytes()


def test_threads_are_never_more_than_this_process_may_use() -> None:
    assert 1 <= usable_threads() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("content", "cores"), [("150000 100000\n", 1), ("400000 100000", 4), ("50000 100000", 1), ("max 100000", 8), ("?", 8)]
)
def test_a_containers_quota_counts(tmp_path: Path, content: str, cores: int) -> None:
    (tmp_path / "cpu.max").write_text(content)
    assert machine._quota_cores(tmp_path / "cpu.max") == cores
    assert machine._quota_cores(tmp_path / "none") == 8
