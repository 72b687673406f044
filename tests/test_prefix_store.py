"""Tests of stored prompt beginnings: what is damaged, foreign or too much is never believed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tiny_moa.models.prefix_store import PrefixStore, StoredPrefix, model_identity

TOKENS = (1, 2, 3, 70_000)
STATE = bytes(range(256)) * 4


def test_what_is_stored_comes_back(tmp_path: Path) -> None:
    store = PrefixStore(tmp_path / "new", "model a")
    assert not store.has(TOKENS)
    store.save(TOKENS, STATE)
    assert store.has(TOKENS)
    assert list(PrefixStore(tmp_path / "new", "model a").load()) == [StoredPrefix(TOKENS, STATE)]


def test_another_model_or_setting_sees_nothing(tmp_path: Path) -> None:
    PrefixStore(tmp_path, "model a").save(TOKENS, STATE)
    assert list(PrefixStore(tmp_path, "model b").load()) == []


def test_every_damage_is_found_and_the_file_removed(tmp_path: Path) -> None:
    store = PrefixStore(tmp_path, "a")
    store.save(TOKENS, STATE)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    flipped = [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in (0, 9, 41, 45, 60, len(whole) - 1)]
    for damaged in [b"", whole[:20], whole[:-1], whole + b"x", *flipped]:
        file.write_bytes(damaged)
        assert list(store.load()) == [], damaged[:60]
        assert not file.exists()


def test_a_file_of_another_model_under_our_name_is_not_believed(tmp_path: Path) -> None:
    ours, theirs = PrefixStore(tmp_path, "a"), PrefixStore(tmp_path, "b")
    theirs.save(TOKENS, STATE)
    (file,) = tmp_path.iterdir()
    ours.save(TOKENS, b"")
    (name,) = set(tmp_path.iterdir()) - {file}
    file.replace(name)
    assert list(ours.load()) == []


def test_the_folder_stays_below_its_cap_and_the_oldest_go(tmp_path: Path) -> None:
    store = PrefixStore(tmp_path, "a", cap_bytes=3500)
    for number in range(5):
        store.save((number,), STATE)
        for age, stored in enumerate(store.load()):
            os.utime(next(tmp_path.glob(store._path(stored.tokens).name)), ns=(0, 10**18 - age * 10**9))
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 3500
    assert (4,) in [stored.tokens for stored in store.load()]
    store.save((9,), STATE * 10)
    assert not store.has((9,))


def test_a_rejected_file_is_removed(tmp_path: Path) -> None:
    store = PrefixStore(tmp_path, "a")
    store.save(TOKENS, STATE)
    (stored,) = store.load()
    store.reject(stored)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_used_costs_only_a_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("no folder")
    store = PrefixStore(tmp_path / "file", "a")
    store.save(TOKENS, STATE)
    assert "is not stored" in caplog.text
    assert list(store.load()) == []
    assert not store.has(TOKENS)


def test_a_changed_file_is_another_model(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF" + bytes(100))
    first = model_identity(path)
    assert model_identity(path) == first
    path.write_bytes(b"GGUF" + bytes(99) + b"x")
    assert model_identity(path) != first
