"""Tests of the shared flags."""

from __future__ import annotations

import ctypes
import gc
from pathlib import Path

import pytest

from tiny_moa.models.stopflag import StopFlag, StopFlags


def test_flags_cross_by_their_file_and_take_the_file_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    mine = StopFlags.shared(3)
    theirs = StopFlags.attach(mine.path)
    assert list(tmp_path.iterdir()) == []
    assert len(theirs) == 3
    mine[1].raise_()
    assert [theirs[index].is_raised for index in range(3)] == [False, True, False]
    mine[1].lower()
    assert not theirs[1].is_raised
    mine.forget_file()
    gc.collect()


def test_native_code_reads_a_flag_as_a_string_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    flags = StopFlags.shared(2)
    flags[0].raise_()
    assert [len(ctypes.string_at(flags[index].address.value or 0)) for index in range(2)] == [1, 0]
    flags[1].raise_()
    assert [len(ctypes.string_at(flags[index].address.value or 0)) for index in range(2)] == [1, 1]


def test_a_private_flag_is_seen_here() -> None:
    flag = StopFlag.private()
    assert not flag.is_raised
    flag.raise_()
    assert flag.is_raised
