"""Tests of the shared cores: order, how many compute at once, interruption, and a holder that never gives back."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tiny_moa.models.compute_slot import ComputeSlot

GUARD_SECONDS = 30


def _never() -> bool:
    return False


def test_two_holders_are_never_inside_together_and_take_turns(tmp_path: Path) -> None:
    inside: list[int] = []
    order: list[int] = []
    both = threading.Barrier(2, timeout=GUARD_SECONDS)

    def work(name: int) -> None:
        slot = ComputeSlot(tmp_path, cores=1, patience_seconds=GUARD_SECONDS)
        both.wait()
        for _ in range(100):
            with slot.turn(_never) as may_go:
                assert may_go
                inside.append(name)
                assert len(inside) == 1
                order.append(name)
                inside.pop()
        slot.close()

    threads = [threading.Thread(target=work, args=(name,)) for name in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(GUARD_SECONDS)
    assert sorted(order) == [1] * 100 + [2] * 100


def test_one_that_waits_goes_before_one_that_just_computed(tmp_path: Path) -> None:
    mine, theirs = ComputeSlot(tmp_path, cores=1), ComputeSlot(tmp_path, cores=1)
    waits, got = threading.Event(), threading.Event()

    def is_waiting() -> bool:
        waits.set()
        return False

    def wait() -> None:
        with theirs.turn(is_waiting):
            got.set()

    with mine.turn(_never):
        thread = threading.Thread(target=wait)
        thread.start()
        assert waits.wait(GUARD_SECONDS)
    with mine.turn(_never):  # although it asks at once
        assert got.is_set()
    thread.join(GUARD_SECONDS)


def test_as_many_threads_compute_at_once_as_there_are_cores(tmp_path: Path) -> None:
    one, other, third = (ComputeSlot(tmp_path, cores=2) for _ in range(3))
    with one.turn(_never), other.turn(_never) as both_may:
        assert both_may
        asked = iter((False, True, True))
        with third.turn(lambda: next(asked)) as may_go:
            assert not may_go
    with third.turn(_never, threads=2) as may_go, one.turn(lambda: True) as other_may:
        assert may_go
        assert not other_may


def test_more_threads_than_cores_take_all_cores_and_no_more_are_waited_for(tmp_path: Path) -> None:
    wide, narrow = (ComputeSlot(tmp_path, cores=2, patience_seconds=GUARD_SECONDS) for _ in range(2))
    with wide.turn(_never, threads=9) as may_go, narrow.turn(lambda: True) as other_may:
        assert may_go
        assert not other_may
    with narrow.turn(_never) as may_go:
        assert may_go


def test_one_that_was_interrupted_keeps_no_core(tmp_path: Path) -> None:
    one, wide, third = (ComputeSlot(tmp_path, cores=2, patience_seconds=GUARD_SECONDS) for _ in range(3))
    with one.turn(_never):
        with wide.turn(lambda: True, threads=2) as may_go:
            assert not may_go
        with third.turn(_never) as may_go:
            assert may_go


def test_waiting_can_be_interrupted(tmp_path: Path) -> None:
    mine, theirs = ComputeSlot(tmp_path, cores=1), ComputeSlot(tmp_path, cores=1)
    with mine.turn(_never), theirs.turn(lambda: True) as may_go:
        assert not may_go
    with theirs.turn(_never) as may_go:
        assert may_go


def test_a_holder_that_never_gives_back_is_waited_for_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stuck, mine = ComputeSlot(tmp_path, cores=1), ComputeSlot(tmp_path, cores=1, patience_seconds=0.01)
    with stuck.turn(_never):
        for _ in range(3):
            with mine.turn(_never) as may_go:
                assert may_go
    assert len(caplog.records) == 1
    with mine.turn(_never), mine.turn(lambda: False):
        pass


def test_a_process_that_is_killed_gives_back_what_it_holds(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from tiny_moa.models.compute_slot import ComputeSlot\n"
        "with ComputeSlot(Path(sys.argv[1]), cores=1).turn(lambda: False): print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        holder.kill()
        holder.wait(GUARD_SECONDS)
    asked: list[bool] = []

    def ask() -> bool:
        asked.append(True)
        return False

    with ComputeSlot(tmp_path, cores=1).turn(ask) as may_go:
        assert may_go
    assert asked == []


def test_without_a_folder_everybody_goes_ahead(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("no folder")
    slot = ComputeSlot(tmp_path / "file")
    with slot.turn(_never) as may_go:
        assert may_go
    assert "at the same time" in caplog.text
    slot.close()


def test_the_users_folder_is_nobody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    slot = ComputeSlot()
    with slot.turn(_never) as may_go:
        assert may_go
    assert (tmp_path / "tiny-moa").stat().st_mode & 0o777 == 0o700
    slot.close()
