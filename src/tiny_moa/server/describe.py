"""A team described as plain values, for resources and for `tiny-moa status`; imports nothing of the protocol."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tiny_moa.server.team import Team


def describe_catalog(team: Team) -> dict[str, Any]:
    """Give the catalogue as hosts may want to show it: no paths of this machine."""
    models = {
        name: {
            "title": spec.title,
            "licence": spec.licence,
            "bytes": spec.bytes,
            "is_present": team.weights.find(spec) is not None,
        }
        for name, spec in team.catalog.models.items()
    }
    experts = {
        name: {"title": spec.title, "does": spec.description, "tool": spec.tool, "model": _model_name(team, name)}
        for name, spec in team.catalog.experts.items()
    }
    return {
        "profile": team.profile.name,
        "brain": team.catalog.brain_model(team.profile.name).name,
        "experts": experts,
        "models": models,
    }


def _model_name(team: Team, expert: str) -> str | None:
    spec = team.catalog.experts[expert]
    return None if spec.kind in ("documents", "unavailable") else team.catalog.expert_model(spec, team.profile.name).name


def describe_status(team: Team) -> dict[str, Any]:
    """Give the counters of the pool and the document reader."""
    pool = team.pool.statistics()
    return {
        "memory": {"budget_bytes": pool.budget_bytes, "used_bytes": pool.used_bytes, "others_bytes": pool.others_bytes},
        "models": [{"is_loaded": model.is_loaded, "is_leased": model.is_leased, **asdict(model)} for model in pool.models],
        "documents": {**asdict(team.reader.statistics()), "layout": team.reader.layout_tier().summary},
    }
