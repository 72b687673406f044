"""What is installed, present and missing, and how to mend it; looks only, needs no network, no weights and no extra package."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from typing import Any

from tiny_moa.catalog import Catalog, ModelSpec, Profile, load_catalog
from tiny_moa.errors import ConfigurationError, ModelError
from tiny_moa.experts.documents.artifacts import find_layout
from tiny_moa.models.engines import is_installed
from tiny_moa.models.machine import available_bytes, memory_limit
from tiny_moa.models.weights import WeightStore, verify
from tiny_moa.settings import Settings, load_settings, variable

_EXPERTS = 'pip install "tiny-moa[experts]"'


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: What it is.
        is_good: Whether it is as it should be; `None` for something that is fine either way.
        detail: What was found.
        remedy: What to do about it; empty when there is nothing to do.
    """

    what: str
    is_good: bool | None
    detail: str
    remedy: str = ""


def diagnose(environ: Mapping[str, str], flags: Mapping[str, Any], *, is_thorough: bool = False) -> tuple[Finding, ...]:
    """Look at everything a server needs, in the order it needs it.

    Args:
        environ: The process environment.
        flags: Settings from the command line, by field name.
        is_thorough: Also hash each weights file and compare it with the catalogue.
    """
    return tuple(_findings(environ, flags, is_thorough))


def _findings(environ: Mapping[str, str], flags: Mapping[str, Any], is_thorough: bool) -> Iterator[Finding]:
    yield Finding(
        "Python",
        sys.version_info >= (3, 11),
        sys.version.split()[0],
        "" if sys.version_info >= (3, 11) else "use Python 3.11 or later",
    )
    yield _package("protocol", "mcp", "mcp", "reinstall tiny-moa")
    yield from _engines()
    hub = _package("hub client", "huggingface_hub", "huggingface-hub", 'pip install "tiny-moa[hub]"; only `pull` needs it')
    yield hub if hub.is_good else replace(hub, is_good=None)
    yield _package("documents", "docling", "docling-slim", 'pip install "tiny-moa[documents]"; plain text works without')
    yield _package("character recognition", "rapidocr", "rapidocr", 'pip install "tiny-moa[ocr]"; scans are not read without')
    yield _layout(environ)
    yield _package("exact mathematics", "sympy", "sympy", f"{_EXPERTS}; only plain arithmetic is computed without")
    yield _package("sandbox", "pydantic_monty", "pydantic-monty", f"{_EXPERTS}; no program is tried out without")
    yield _package("shell parser", "tree_sitter_bash", "tree-sitter-bash", f"{_EXPERTS}; commands are checked less without")
    try:
        settings = load_settings(environ, **flags)
        catalog = load_catalog(settings.catalog)
        profile = catalog.profile(settings.profile)
    except ConfigurationError as exc:
        yield Finding("configuration", False, str(exc), "mend the variable or the file it names")
        return
    if settings.engine != "auto" and not is_installed(settings.engine):
        chosen = f"{variable('engine')} is {settings.engine!r}, which is not installed"
        yield Finding("engine setting", False, chosen, f'pip install "tiny-moa[{settings.engine}]", or unset the variable')
    source = f"with {settings.catalog}" if settings.catalog else "built in"
    yield Finding(
        "catalogue", True, f"{source}: {len(catalog.models)} models, {len(catalog.experts)} experts; profile {profile.name!r}"
    )
    yield from _models(settings, catalog, profile, is_thorough)
    yield _roots(settings)
    budget, available = memory_limit(settings.memory_mib), available_bytes()
    yield Finding("memory", None, f"models may take {budget >> 20:,} MiB; {available >> 20:,} MiB are available now")
    yield Finding("cores", None, f"{_cores()} usable; a model uses {settings.threads or _cores()} threads")


def _engines() -> Iterator[Finding]:
    """Look for the two engines; one is enough."""
    first = _package("engine", "llama_cpp", "llama-cpp-python", 'pip install "tiny-moa[llama]" (compiles for some minutes)')
    second = _package("second engine", "xllamacpp", "xllamacpp", 'pip install "tiny-moa[xllama]" (a ready wheel)')
    if not first.is_good and not second.is_good:
        remedy = f"{first.remedy}, or {second.remedy}"
        yield Finding("engine", False, "neither llama-cpp-python nor xllamacpp is installed", remedy)
        return
    for finding in (first, second):
        yield finding if finding.is_good else replace(finding, is_good=None)


def _package(what: str, module: str, distribution: str, remedy: str) -> Finding:
    try:
        found = importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        found = False
    if not found:
        return Finding(what, False, f"{distribution} is not installed", remedy)
    try:
        return Finding(what, True, f"{distribution} {metadata.version(distribution)}")
    except metadata.PackageNotFoundError:
        return Finding(what, True, f"{module} is importable, its version is unknown")


def _layout(environ: Mapping[str, str]) -> Finding:
    """Say whether docling's layout model reads pages; everything is read without it too."""
    tier = find_layout(environ)
    return Finding("layout model", True if tier.folder else None, tier.detail, tier.remedy)


def _models(settings: Settings, catalog: Catalog, profile: Profile, is_thorough: bool) -> Iterator[Finding]:
    """Look at each role, the Brain first, then at each model that would be loaded today."""
    store = WeightStore(settings.models)
    loaded: dict[str, list[str]] = {}
    for role, chain in _chains(catalog, profile).items():
        first = next((spec for spec in chain if not spec.unavailable), chain[0])
        today = next(filter(store.is_present, chain), first)
        loaded.setdefault(today.name, []).append(role)
        yield _role(role, first, today, store)
    for expert in catalog.experts.values():
        if expert.kind == "unavailable":
            yield Finding(f"role {expert.name}", None, f"nobody: {expert.reason}")
        elif expert.kind == "documents":
            yield Finding(f"role {expert.name}", None, "the document package, without a model")
    for name, roles in loaded.items():
        yield _model(store, catalog.models[name], roles, is_thorough)


def _chains(catalog: Catalog, profile: Profile) -> dict[str, tuple[ModelSpec, ...]]:
    """Which models may answer for each role, the best first."""
    experts = [expert for expert in catalog.experts.values() if expert.kind not in ("documents", "unavailable")]
    chains = {expert.name: catalog.expert_models(expert, profile.name) for expert in experts}
    return {"brain": catalog.brain_models(profile.name), **chains}


def _role(role: str, first: ModelSpec, today: ModelSpec, store: WeightStore) -> Finding:
    """Say which model would answer for a role now; what is wrong with a missing one is said of the model."""
    what, remedy = f"role {role}", f"tiny-moa pull {first.name}" if first.hub_files else ""
    if not store.is_present(today):
        return Finding(what, None, f"nobody: none of its models is here; {first.name!r} is the first choice", remedy)
    if today.name != first.name:
        return Finding(what, None, f"{today.name!r} would answer today, in place of {first.name!r}, which is not here", remedy)
    return Finding(what, True, f"{today.name!r} would answer today")


def _model(store: WeightStore, spec: ModelSpec, roles: list[str], is_thorough: bool) -> Finding:
    what = f"model {spec.name}"
    try:
        path = store.locate(spec)
    except ModelError as exc:
        message, _, remedy = str(exc).partition("; ")
        return Finding(what, False, message, remedy)
    if is_thorough and verify(spec, path) is False:
        return Finding(what, False, f"{path.name}: the SHA-256 is not the catalogue's", "fetch the file again")
    size = path.stat().st_size / 2**20
    checked = ", SHA-256 as in the catalogue" if is_thorough and spec.sha256 else ""
    return Finding(what, True, f"{path.name}, {size:.0f} MiB{checked}, {spec.licence}; would be loaded for: {', '.join(roles)}")


def _roots(settings: Settings) -> Finding:
    if not settings.roots:
        return Finding(
            "roots", None, "none; no documents can be read", "set TINY_MOA_ROOTS or give --root FOLDER to read documents"
        )
    return Finding("roots", True, ", ".join(str(root) for root in settings.roots))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
