from __future__ import annotations

from pathlib import Path

import pytest

from tests.teams import write_catalog
from tiny_moa.doctor import Finding, diagnose


def found(what: str, findings: tuple[Finding, ...]) -> Finding:
    return next(finding for finding in findings if finding.what == what)


def test_a_complete_installation_has_nothing_to_mend(tmp_path: Path) -> None:
    findings = diagnose({}, {"roots": [str(tmp_path)]}, is_thorough=True)
    assert [finding for finding in findings if finding.is_good is False] == []
    model = found("model smollm2-135m", findings)
    assert "would be loaded for: brain, coder" in model.detail
    assert "SHA-256 as in the catalogue" in model.detail


def test_missing_weights_and_broken_weights_say_how_to_mend_them(tmp_path: Path) -> None:
    catalog = write_catalog(tmp_path)
    (tmp_path / "dummy.gguf").unlink()
    missing = found("model smollm2-135m", diagnose({}, {"catalog": catalog}))
    assert (missing.is_good, "dummy.gguf" in missing.remedy) == (False, True)
    (tmp_path / "dummy.gguf").write_bytes(b"MZ")
    broken = found("model smollm2-135m", diagnose({}, {"catalog": catalog}))
    assert "begins with b'MZ'" in broken.detail


def test_a_missing_package_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    real = importlib.util.find_spec
    # The absence of an installed package can only be shown by hiding it.
    hidden = {"llama_cpp", "xllamacpp"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name in hidden else real(name, *rest))
    engine = found("engine", diagnose({}, {}))
    assert engine.is_good is False
    assert "tiny-moa[llama]" in engine.remedy
    assert "tiny-moa[xllama]" in engine.remedy


def test_one_engine_of_two_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    # The absence of one installed package and the presence of another can only be shown by pretending.
    real = importlib.util.find_spec
    there = {"llama_cpp": None, "xllamacpp": real("json")}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: there[name] if name in there else real(name, *rest))
    findings = diagnose({}, {})
    assert found("engine", findings).is_good is None
    assert found("second engine", findings).is_good is True
    assert found("engine setting", diagnose({"TINY_MOA_ENGINE": "llama"}, {})).is_good is False


def test_broken_configuration_is_a_finding_and_not_a_crash(tmp_path: Path) -> None:
    for environ, flags in (
        ({"TINY_MOA_NONSENSE": "1"}, {}),
        ({}, {"catalog": tmp_path / "gone.toml"}),
        ({}, {"profile": "giant"}),
    ):
        assert found("configuration", diagnose(environ, flags)).is_good is False


def test_what_the_experts_check_with_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    names = ("character recognition", "exact mathematics", "sandbox", "shell parser")
    assert all(found(name, diagnose({}, {})).is_good for name in names)
    real = importlib.util.find_spec
    hidden = {"rapidocr", "sympy", "pydantic_monty", "tree_sitter_bash"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name in hidden else real(name, *rest))
    findings = diagnose({}, {})
    assert all("pip install" in found(name, findings).remedy and found(name, findings).is_good is False for name in names)
