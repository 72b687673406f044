from __future__ import annotations

import os
from pathlib import Path

import pytest

from tiny_moa.errors import SettingsError
from tiny_moa.settings import load_settings


def test_flags_win_over_variables_and_variables_over_defaults(tmp_path: Path) -> None:
    settings = load_settings({"TINY_MOA_DEADLINE_SECONDS": "10", "TINY_MOA_THREADS": "2"}, threads=1, profile=None)
    assert (settings.deadline_seconds, settings.threads, settings.profile) == (10, 1, "embedded")


def test_roots_are_split_and_resolved(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    joined = os.pathsep.join([str(tmp_path / "a"), str(tmp_path / "b" / ".." / "b")])
    assert load_settings({"TINY_MOA_ROOTS": joined}).roots == ((tmp_path / "a").resolve(), (tmp_path / "b").resolve())


def test_a_root_that_is_no_folder_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nowhere") as caught:
        load_settings({"TINY_MOA_ROOTS": str(tmp_path / "nowhere")})
    assert "TINY_MOA_ROOTS" in str(caught.value)


def test_an_unknown_variable_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"TINY_MOA_CATALOGUE.*TINY_MOA_CATALOG"):
        load_settings({"TINY_MOA_CATALOGUE": "x"})


def test_variables_of_benchmarks_and_tests_are_ignored() -> None:
    assert load_settings({"TINY_MOA_BENCH_MODELS": "x"}).profile == "embedded"


@pytest.mark.parametrize("value", ["0", "-3", "soon"])
def test_a_value_out_of_range_names_the_variable_and_the_value(value: str) -> None:
    with pytest.raises(SettingsError, match="TINY_MOA_DEADLINE_SECONDS") as caught:
        load_settings({"TINY_MOA_DEADLINE_SECONDS": value})
    assert value in str(caught.value)


def test_memory_and_idleness_can_be_set() -> None:
    settings = load_settings({"TINY_MOA_MEMORY_MIB": "512", "TINY_MOA_IDLE_SECONDS": "30"})
    assert (settings.memory_mib, settings.idle_seconds) == (512, 30)
    assert (load_settings({}).memory_mib, load_settings({}).idle_seconds) == (0, 600)
    for name in ("TINY_MOA_MEMORY_MIB", "TINY_MOA_IDLE_SECONDS"):
        with pytest.raises(SettingsError, match=name):
            load_settings({name: "-1"})
