"""The composition root: builds the whole team from settings and closes it again; imports nothing of the protocol."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType

from tiny_moa.ask import Asker
from tiny_moa.brain import Brain, Classifier, load_classifier
from tiny_moa.catalog import Catalog, ExpertKind, ExpertSpec, ModelSpec, Profile, load_catalog
from tiny_moa.deliberation.council import Council
from tiny_moa.experts import code
from tiny_moa.experts.algebra.client import AlgebraClient
from tiny_moa.experts.base import Expert, TemplatedModel
from tiny_moa.experts.chat import ChatExpert, UnavailableExpert
from tiny_moa.experts.code import CodeExpert
from tiny_moa.experts.documents import DocumentCache, DocumentLibrary, DocumentReader, Fetcher, cache_folder
from tiny_moa.experts.documents.expert import DocumentExpert, asks_about_a_document
from tiny_moa.experts.documents.extraction import TEMPLATE as EXTRACT_TEMPLATE
from tiny_moa.experts.documents.extraction import TEMPLATE_HOLES
from tiny_moa.experts.math import MathExpert
from tiny_moa.experts.reasoning import PROGRAM_TEMPLATE
from tiny_moa.experts.shell import ShellExpert
from tiny_moa.experts.toolcall import ToolCallExpert
from tiny_moa.experts.toolcall.expert import CHOICE_TEMPLATE, FIT_TEMPLATE, REPAIR_TEMPLATE
from tiny_moa.experts.translate import TRANSLATE_TEMPLATE, TranslateExpert
from tiny_moa.models.claims import Budget, open_claims
from tiny_moa.models.engines import choose_launcher
from tiny_moa.models.families import FAMILIES
from tiny_moa.models.machine import MACHINE_SHARE, memory_limit, total_bytes
from tiny_moa.models.pool import ModelPool, PoolPolicy
from tiny_moa.models.runtime import Launcher, LoadOptions
from tiny_moa.models.stores import data_folder
from tiny_moa.models.weights import Headers, WeightStore
from tiny_moa.server.seating import eligible
from tiny_moa.settings import Settings
from tiny_moa.templates import TemplateLibrary
from tiny_moa.traces import TraceStore, traces_folder

_HOLES: Mapping[ExpertKind, tuple[str, ...]] = {
    "chat": ("task",),
    "math": ("task",),
    "code": ("task", "language"),
    "toolcall": ("task", "tools"),
    "shell": ("candidates", "task"),
    "translate": ("task",),
}
"""The holes each kind of expert fills; kinds that ask no model have no template."""


@dataclass(frozen=True)
class Team:
    """Everything one server or one command works with.

    Use as an async context manager: leaving it frees every model and ends every child process.
    """

    settings: Settings
    catalog: Catalog
    profile: Profile
    templates: TemplateLibrary
    weights: WeightStore
    pool: ModelPool
    library: DocumentLibrary
    reader: DocumentReader
    fetcher: Fetcher
    copyist: TemplatedModel
    brain: Brain
    algebra: AlgebraClient
    council: Council
    asker: Asker

    async def __aenter__(self) -> Team:
        await self.pool.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        async with AsyncExitStack() as closing:
            closing.push_async_exit(self.pool)
            closing.push_async_callback(self.algebra.aclose)
            closing.push_async_callback(self.reader.aclose)


def build_team(
    settings: Settings, *, launch: Launcher | None = None, classifier: Callable[[], Classifier | None] = load_classifier
) -> Team:
    """Build the team; loads no model and starts no process.

    Args:
        settings: The settings of this process.
        launch: What loads models; the engine of the settings when it is `None`.
        classifier: Reads the router's weights; without any, cues and plans alone route.

    Raises:
        CatalogError: A catalogue file is wrong, or the profile is not in it.
        TemplateError: A template is missing, or has other holes than its expert fills.
    """
    catalog = load_catalog(settings.catalog)
    profile = catalog.profile(settings.profile)
    templates = TemplateLibrary(catalog.prompt_folders)
    weights = WeightStore(settings.models)
    pool = _pool(settings, profile, weights, launch or choose_launcher(settings.engine, settings.threads))
    library = DocumentLibrary(settings.roots)
    reader = DocumentReader(library, cache=DocumentCache(cache_folder(os.environ), settings.cache_mib << 20))

    def model_of(spec: ExpertSpec) -> TemplatedModel:
        return asked(catalog.expert_models(spec, profile.name))

    def asked(chain: Sequence[ModelSpec]) -> TemplatedModel:
        return TemplatedModel(chain[0], pool, templates, stand_ins=tuple(chain[1:]), is_present=weights.is_present)

    _check_templates(catalog, templates)
    algebra = AlgebraClient()

    def algorithms_of(spec: ExpertSpec) -> TemplatedModel | None:
        return model_of(catalog.expert(spec.defers_to)) if spec.defers_to else None

    build = _builders(model_of, algorithms_of, library, reader, algebra, settings.tldr)
    experts: dict[str, Expert] = {name: build[spec.kind](spec) for name, spec in catalog.experts.items()}
    names = partial(asks_about_a_document, library=library)
    brain = Brain(asked(catalog.brain_models(profile.name)), catalog.experts, templates, classifier(), names)
    traces = TraceStore(traces_folder(), is_on=settings.traces)
    budget_bytes = memory_limit(settings.memory_mib)
    council = Council(eligible(catalog, profile.name, asked, weights, templates, budget_bytes))
    fetcher, asker = Fetcher(settings.url_hosts), Asker(brain, experts, traces, council)
    copyist = asked(catalog.brain_models(profile.name))
    return Team(
        settings, catalog, profile, templates, weights, pool, library, reader, fetcher, copyist, brain, algebra, council, asker
    )


def _pool(settings: Settings, profile: Profile, weights: WeightStore, launch: Launcher) -> ModelPool:
    budget = Budget(
        memory_limit(settings.memory_mib),
        machine_bytes=int(total_bytes() * MACHINE_SHARE),
        claims=open_claims(os.environ),
    )
    options = LoadOptions(prefixes=data_folder(os.environ) / "prefixes")
    policy = PoolPolicy(pinned=profile.pinned_models, idle_seconds=settings.idle_seconds, options=options)
    return ModelPool(launch, weights.locate, budget, policy, inspect=Headers(), adapter_of=weights.locate_adapter)


def _builders(
    model_of: Callable[[ExpertSpec], TemplatedModel],
    algorithms_of: Callable[[ExpertSpec], TemplatedModel | None],
    library: DocumentLibrary,
    reader: DocumentReader,
    algebra: AlgebraClient,
    tldr: Path | None,
) -> Mapping[ExpertKind, Callable[[ExpertSpec], Expert]]:
    """One constructor for each kind: a new kind of expert is one line here and one module."""
    return {
        "chat": lambda spec: ChatExpert(spec, model_of(spec)),
        "math": lambda spec: MathExpert(spec, model_of(spec), algebra),
        "code": lambda spec: CodeExpert(spec, model_of(spec), algorithms_of(spec)),
        "toolcall": lambda spec: ToolCallExpert(spec, model_of(spec)),
        "shell": lambda spec: ShellExpert(spec, model_of(spec), tldr=tldr),
        "translate": lambda spec: TranslateExpert(spec, model_of(spec)),
        "documents": lambda spec: DocumentExpert(spec, library, reader),
        "unavailable": UnavailableExpert,
    }


def _check_templates(catalog: Catalog, templates: TemplateLibrary) -> None:
    for spec in catalog.experts.values():
        if spec.kind in _HOLES:
            templates.get(spec.template, holes=_HOLES[spec.kind])
    for family in FAMILIES.values():
        if family.tool_template:
            templates.get(family.tool_template, holes=_HOLES["toolcall"])
    templates.get(CHOICE_TEMPLATE, holes=("task", "tools"))
    templates.get(FIT_TEMPLATE, holes=("task", "tool", "needs"))
    templates.get(REPAIR_TEMPLATE, holes=("task", "tools", "fault"))
    templates.get(TRANSLATE_TEMPLATE, holes=("language", "text"))
    templates.get(PROGRAM_TEMPLATE, holes=_HOLES["math"])
    for name, holes in code.TEMPLATES.items():
        templates.get(name, holes=holes)
    templates.get(EXTRACT_TEMPLATE, holes=TEMPLATE_HOLES)
    templates.get("brain/answer", holes=("question",))
    templates.get("brain/plan", holes=("experts", "question"))
    templates.get("brain/route", holes=("question",))
    templates.get("brain/answer_in", holes=("question", "language"))
    templates.get("brain/aggregate", holes=("question", "notes", "language"))
