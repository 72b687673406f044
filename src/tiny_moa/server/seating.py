"""Who may sit in a council: puts the catalogue's models, their files and what was measured of them together."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tiny_moa.catalog import Catalog, ModelSpec
from tiny_moa.deliberation.calibration import load_calibration
from tiny_moa.deliberation.council import Eligible, Present
from tiny_moa.deliberation.fields import Field, OpenField
from tiny_moa.deliberation.panel import HOLES, PROPOSAL_HOLES
from tiny_moa.deliberation.provable import CodeField, MathField
from tiny_moa.experts.base import TemplatedModel
from tiny_moa.experts.sandbox import Limits
from tiny_moa.models.stores import data_folder
from tiny_moa.models.weights import WeightStore
from tiny_moa.templates import TemplateLibrary

_SPEAKING = frozenset({"chat", "math", "code", "toolcall", "shell", "translate"})
"""Kinds of experts whose models write text."""
_IDENTIFYING_BYTES = 1 << 20
_DIGITS = 12

Asked = Callable[[Sequence[ModelSpec]], TemplatedModel]


def eligible(
    catalog: Catalog, profile: str, asked: Asked, weights: WeightStore, templates: TemplateLibrary, budget_bytes: int
) -> Eligible:
    """Give who may be seated, and check the words of meetings.

    Raises:
        TemplateError: A template of a meeting is missing or has other holes than are filled.
    """
    fields: Mapping[str, Field] = {field.name: field for field in (MathField(), CodeField(Limits()), OpenField())}
    chains = _chains(catalog, profile)
    models = {kind: [asked((spec,)) for spec in _ordered(chains, kind)] for kind in fields}
    folder = data_folder(os.environ)
    words = _digest(templates, fields)
    return Eligible(models, fields, lambda spec: _present(spec, weights), lambda: load_calibration(folder), words, budget_bytes)


def _chains(catalog: Catalog, profile: str) -> Mapping[str, Sequence[ModelSpec]]:
    """The models of the profile by the kind of task they are for, the Brain's under `open`."""
    chains: dict[str, list[ModelSpec]] = {"open": list(catalog.brain_models(profile)), "math": [], "code": [], "other": []}
    for expert in catalog.experts.values():
        if expert.kind in _SPEAKING:
            kind = expert.kind if expert.kind in chains else "other"
            chains[kind] += catalog.expert_models(expert, profile)
    return chains


def _ordered(chains: Mapping[str, Sequence[ModelSpec]], kind: str) -> list[ModelSpec]:
    """All of them that can run, those for the kind first, each once."""
    every = [*chains[kind], *(spec for chain in chains.values() for spec in chain)]
    return list({spec.name: spec for spec in every if not spec.unavailable}.values())


def _present(spec: ModelSpec, weights: WeightStore) -> Present | None:
    path = weights.find(spec)
    if path is None or not weights.is_present(spec):
        return None
    return Present(spec.sha256 or _head_of(path), path.stat().st_size)


def _head_of(path: Path) -> str:
    """Identify a file nobody published a digest of by its size and its first mebibyte, where the header lies."""
    with path.open("rb") as file:
        return hashlib.sha256(f"{path.stat().st_size} ".encode() + file.read(_IDENTIFYING_BYTES)).hexdigest()


def _digest(templates: TemplateLibrary, fields: Mapping[str, Field]) -> str:
    """Give the digest of all words a meeting uses: what was measured with others does not hold for these."""
    words = [templates.get(name, holes=holes).digest for name, holes in HOLES.items()]
    words += [templates.get(field.template, holes=PROPOSAL_HOLES).digest for field in fields.values()]
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:_DIGITS]
