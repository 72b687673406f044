from __future__ import annotations

import importlib.util

import pytest

from tiny_moa.models.engines import choose_launcher
from tiny_moa.models.llama import LlamaLauncher
from tiny_moa.models.xllama import XllamaLauncher


@pytest.mark.parametrize(
    ("engine", "installed", "chosen"),
    [
        ("auto", ("llama_cpp", "xllamacpp"), LlamaLauncher),
        ("auto", ("xllamacpp",), XllamaLauncher),
        ("auto", (), LlamaLauncher),
        ("llama", ("xllamacpp",), LlamaLauncher),
        ("xllama", ("llama_cpp",), XllamaLauncher),
    ],
)
def test_the_engine_is_the_one_chosen_or_the_one_there_is(
    monkeypatch: pytest.MonkeyPatch, engine: str, installed: tuple[str, ...], chosen: type
) -> None:
    # The absence of an installed package can only be shown by hiding it.
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: name if name in installed else None)
    assert type(choose_launcher(engine, 1)) is chosen  # type: ignore[arg-type]
