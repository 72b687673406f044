"""Entries of the cache are whole or none, old ones make room, and no failure of the disk reaches the caller."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.experts.documents import tesseract
from tiny_moa.experts.documents.cache import DocumentCache, _closed, _opened, cache_folder
from tiny_moa.experts.documents.versions import name_versions

ENTRY = {"pages": [{"number": 1, "markdown": "가나다 text"}], "page_count": 1}


def test_an_entry_is_kept_for_another_process(tmp_path: Path) -> None:
    DocumentCache(tmp_path / "cache", 10_000).put("key", ENTRY)
    assert DocumentCache(tmp_path / "cache", 10_000).get("key") == ENTRY
    assert DocumentCache(tmp_path / "cache", 10_000).get("other") is None
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0


@given(st.data())
def test_a_damaged_entry_is_no_entry(data: st.DataObject) -> None:
    content = bytearray(_closed("key", ENTRY))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    assert _opened(bytes(content), "key") is None
    assert _opened(bytes(content[:place]), "key") is None


def test_a_damaged_entry_is_removed_and_written_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = DocumentCache(tmp_path, 10_000)
    cache.put("key", ENTRY)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:40])
    assert cache.get("key") is None
    assert list(tmp_path.iterdir()) == []
    cache.put("key", ENTRY)
    assert cache.get("key") == ENTRY


def test_an_entry_under_another_key_is_not_believed() -> None:
    assert _opened(_closed("key", ENTRY), "key") == ENTRY
    assert _opened(_closed("key", ENTRY), "other") is None


def test_what_was_not_used_for_the_longest_time_goes_first(tmp_path: Path) -> None:
    size = len(_closed("0", ENTRY))
    cache = DocumentCache(tmp_path, 3 * size + size // 2)
    for number in range(3):
        cache.put(str(number), ENTRY)
        os.utime(cache._path(str(number)), (number, number))
    cache.get("0")
    cache.put("3", ENTRY)
    assert [cache.get(str(number)) is not None for number in range(4)] == [True, False, True, True]


def test_what_a_crashed_writer_left_is_cleared_away(tmp_path: Path) -> None:
    left, young = tmp_path / "left.part", tmp_path / "young.part"
    left.write_bytes(b"half")
    young.write_bytes(b"half")
    os.utime(left, (1, 1))
    DocumentCache(tmp_path, 10_000).put("key", ENTRY)
    assert not left.exists() and young.exists()


def test_an_entry_over_the_limit_is_not_kept(tmp_path: Path) -> None:
    DocumentCache(tmp_path / "cache", 10).put("key", ENTRY)
    assert not (tmp_path / "cache").exists()


def test_a_folder_that_cannot_be_written_harms_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    cache = DocumentCache(tmp_path / "file", 10_000)
    cache.put("key", ENTRY)
    assert cache.get("key") is None


def test_the_cache_lies_where_the_system_wants_it() -> None:
    assert cache_folder({"HOME": "/home/a", "XDG_CACHE_HOME": "/x"}) == Path("/x/tiny-moa/documents")
    assert cache_folder({"HOME": "/home/a"}).parts[:3] == ("/", "home", "a")


def test_what_is_kept_is_named_by_the_readers_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with_model = {"TINY_MOA_VLM_URL": "http://localhost:9/v1?key=secret", "TINY_MOA_VLM_MODEL": "a"}
    names = [name_versions(environ) for environ in ({}, with_model, with_model | {"TINY_MOA_VLM_MODEL": "b"})]
    has_korean = tesseract.reads_korean()
    monkeypatch.setattr(tesseract, "reads_korean", lambda: not has_korean)
    names.append(name_versions({}))
    assert len(set(names)) == 4
    assert name_versions({}) == names[-1]
    assert not any("secret" in name for name in names)
