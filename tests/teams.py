"""Whole teams over scripted models, for tests that go through the product's own doors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio

from tests.fakes import Recorder, Script, ScriptedLauncher
from tests.gguf_files import write_parrot
from tests.gguf_headers import write_dummy
from tiny_moa.brain import load_classifier
from tiny_moa.experts.base import Call
from tiny_moa.server.team import Team, build_team
from tiny_moa.settings import load_settings

CATALOG = """
[models.smollm2-135m]
path = "dummy.gguf"
"""


def write_catalog(folder: Path, more: str = "") -> Path:
    """Write a user's catalogue whose one model is a GGUF file of nothing, which no engine ever opens."""
    write_dummy(folder / "dummy.gguf")
    file = folder / "catalog.toml"
    unless_given = "" if "least_fit" in more else "least_fit = 0.5\n"  # what a scripted model gives two labels
    file.write_text(CATALOG + unless_given + more, encoding="utf-8")
    return file


def endless(folder: Path) -> Path:
    """Write a catalogue whose coder never comes to an end in time and never repeats itself, whatever it is asked."""
    write_parrot(folder / "endless.gguf", [f" word{number}" for number in range(4000)])
    catalog = folder / "endless.toml"
    catalog.write_text(
        '[models.endless]\ntitle = "Endless"\npath = "endless.gguf"\ncontext_tokens = 8192\n[experts.coder]\nmodel = "endless"\n',
        encoding="utf-8",
    )
    return catalog


def scripted_team(
    folder: Path, script: Script | ScriptedLauncher, *, catalog: str = "", classifies: bool = False, **settings: Any
) -> Team:
    """Build a team whose every model answers by the script; unless it classifies, cues and scripted plans route."""
    launcher = script if isinstance(script, ScriptedLauncher) else ScriptedLauncher(script)
    made = load_settings({}, catalog=write_catalog(folder, catalog), **settings)
    return build_team(made, launch=launcher, classifier=load_classifier if classifies else lambda: None)


def call_of(seconds: float = 5.0, max_tokens: int = 200, listener: Recorder | None = None) -> Call:
    """Give the bounds of one call."""
    return Call(anyio.current_time() + seconds, max_tokens, listener or Recorder())
