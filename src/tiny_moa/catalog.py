"""Every model and expert as frozen data: reads `catalog.toml`, lays a user's file over it, checks that it hangs together."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from tiny_moa.errors import CatalogError, UnknownExpert
from tiny_moa.sources import COMMIT, REPO, SHA256, Adapter, Entry, HubFile, PackagedFile, Verified, check_relative

ExpertKind = Literal["chat", "math", "code", "toolcall", "shell", "translate", "documents", "unavailable"]
FamilyName = Literal["chatml", "lfm", "falcon-h1", "qwen", "smollm", "gemma", "functiongemma", "youtu"]
"""How a model was trained to see tools and to write calls; one entry of `models.families` each."""
Choice = Annotated[
    tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value), Field(min_length=1)
]
"""Names of models, the best first: the first whose file is on this machine answers."""
_LEAST_CONTEXT_TOKENS = 2048


class Sampling(Entry):
    """How tokens are drawn. A temperature of 0 always takes the likeliest token and ignores the other fields but penalties.

    Penalties count the last 64 tokens written: the repeat penalty divides, 1.0 is none; frequency and presence are taken
    off, 0 is none. DRY punishes the next token of a passage of the last 1,024 tokens that is being repeated; 0 is none.
    """

    temperature: float = Field(0.0, ge=0, le=5)
    top_k: int = Field(40, ge=0)
    top_p: float = Field(0.95, gt=0, le=1)
    min_p: float = Field(0.05, ge=0, lt=1)
    repeat_penalty: float = Field(1.0, ge=0.5, le=2)
    frequency_penalty: float = Field(0.0, ge=-2, le=2)
    presence_penalty: float = Field(0.0, ge=-2, le=2)
    dry_multiplier: float = Field(0.0, ge=0, le=5)
    seed: int = Field(1, ge=0, lt=2**32)


class ModelSpec(Entry):
    """One model's files and how it wants to be used.

    Attributes:
        name: The key of its table.
        title: Its name as its makers write it.
        repo: The hub repository that has its file, `owner/name`.
        revision: The commit the repository is pinned to; `None` takes what its main branch has when it is pulled.
        file: File name of the weights, in the repository and in the models folder; unused when `path` or `packaged` is given.
        path: A local GGUF file; relative paths count from the catalogue file that names them.
        packaged: Where the file lies inside an installed distribution.
        sha256: Digest of the file; `None` for a file nobody published one for.
        bytes: Its size, `None` when unknown.
        about_bytes: Its size within some per cent, where only that is known.
        companions: Further files it needs, by what they are: `projector`, `vocoder`, `tokenizer`.
        adapter: A LoRA adapter laid over the weights when the model is loaded.
        architecture: The engine's name of its architecture.
        family: How it sees tools and writes calls and thoughts.
        tool_form: Whether it is asked for calls in its family's trained form, or at once bound to the tools' schemas.
        fills_in: Whether it was trained to fill in a middle with its family's marks.
        thinking_tokens: How many tokens it may write before the answer begins, on top of what a call allows for the answer;
            0 for a model that does not write its thoughts down.
        thinking_share: What part of a call's time it may think; a thought that is still open then is ended, and the model
            answers from what it has.
        context_tokens: Context to open, at most what the model was trained for.
        least_context_tokens: The smallest context that is still of use when memory is short; 2,048 unless given, or
            `context_tokens` when that is smaller.
        may_shrink: Whether the model may be loaded with a coarser cache and a smaller context when memory is short.
        least_fit: The least probability it must give to `yes` when asked whether a tool fits a request, for a call to be
            proposed. The default is for models it was not measured on, which are overruled only when they clearly say no.
        sampling: The model card's advice.
        stops: Texts that end an answer besides the model's own end token.
        licence: Its licence by name.
        condition: The licence's condition that matters, in one line; asked for before a pull. Empty when there is none.
        languages: What it was trained to write, as ISO 639-1 codes.
        routing_weight: How much its word counts beside the classifier's when that is unsure who should answer; 0, the
            default, does not ask it: for models that were not measured, and for those that were and did not help.
        verified: Which groups of these fields were read in a primary source.
        note: What a user of it should know, in a sentence.
        unavailable: Why it cannot run here at all; empty for every model that can.
        instead: What takes its place when it cannot.
    """

    name: str
    title: str
    repo: str | None = Field(None, pattern=REPO)
    revision: str | None = Field(None, pattern=COMMIT)
    file: str | None = None
    path: Path | None = None
    packaged: PackagedFile | None = None
    sha256: str | None = Field(None, pattern=SHA256)
    bytes: int | None = Field(None, gt=0)
    about_bytes: int | None = Field(None, gt=0)
    companions: Mapping[str, HubFile] = Field(default_factory=dict)
    adapter: Adapter | None = None
    architecture: str | None = None
    family: FamilyName = "chatml"
    tool_form: Literal["trained", "bound"] = "trained"
    least_fit: float = Field(0.35, ge=0, le=1)
    fills_in: bool = False
    thinking_tokens: int = Field(0, ge=0, le=32_768)
    thinking_share: float = Field(0.6, gt=0, le=1)
    context_tokens: int = Field(4096, ge=256, le=1 << 20)
    least_context_tokens: int | None = Field(None, ge=256)
    may_shrink: bool = True
    sampling: Sampling = Sampling()
    stops: tuple[str, ...] = ()
    licence: str = "unknown"
    condition: str = ""
    languages: tuple[str, ...] = ("en",)
    routing_weight: float = Field(0.0, ge=0, le=2)
    verified: Verified = Verified()
    note: str = ""
    unavailable: str = ""
    instead: str = ""

    @model_validator(mode="after")
    def _has_a_file(self) -> ModelSpec:
        if not (self.file or self.path or self.packaged or self.unavailable):
            raise ValueError("a model needs one of file, path or packaged")
        if self.file:
            check_relative(self.file)
        return self

    @property
    def hub_files(self) -> tuple[HubFile, ...]:
        """Every file to fetch from a hub, the weights first, each with its repository; none when it has no repository."""
        if not (self.repo and self.file) or self.path or self.unavailable:
            return ()
        weights = HubFile(file=self.file, sha256=self.sha256, bytes=self.bytes, about_bytes=self.about_bytes)
        mine = {"repo": self.repo, "revision": self.revision}
        files = [file if file.repo else file.model_copy(update=mine) for file in (weights, *self.companions.values())]
        return (*files, self.adapter.source) if self.adapter and self.adapter.source else tuple(files)

    @property
    def total_bytes(self) -> int | None:
        """The size of all files together, exact or about; `None` when one is unknown."""
        own = [self.bytes or self.about_bytes, *(file.size for file in self.companions.values())]
        return None if None in own else sum(size for size in own if size)

    @model_validator(mode="after")
    def _least_is_not_more(self) -> ModelSpec:
        if self.least_context_tokens is not None and self.least_context_tokens > self.context_tokens:
            raise ValueError(
                f"least_context_tokens = {self.least_context_tokens} is more than context_tokens = {self.context_tokens}"
            )
        return self

    @property
    def smallest_context_tokens(self) -> int:
        """The smallest context the model may be loaded with."""
        if not self.may_shrink:
            return self.context_tokens
        return self.least_context_tokens or min(self.context_tokens, _LEAST_CONTEXT_TOKENS)


class ExpertSpec(Entry):
    """One expert: a behaviour, words for it, and when it is asked.

    Attributes:
        name: The key of its table; its label in plans is the same in capitals.
        title: What a person calls it.
        description: One sentence for the Brain: what to send here.
        kind: Which behaviour runs it.
        template: Its template under `prompts/`, `experts/<name>` unless given.
        cues: Regular expressions that send a question here, matched without regard to case. Word borders know only
            ASCII letters, so that `python으로` holds the word `python`.
        order: Where it stands when cues of several experts match: the lower runs earlier.
        model: A model that overrides the profile's choice.
        max_tokens: A cap of its own on what it writes.
        tool: The MCP tool that asks it directly, if there is one; a name of the user's choice publishes one that takes a
            request in words.
        rewrites: Whether its answer takes the place of what it worked on, as a translation does.
        reason: For the kind `unavailable`: why it cannot answer.
        defers_to: For the kind `code`: the expert whose model writes what is rather an algorithm than a function.
        defers_cues: Regular expressions that tell such tasks.
    """

    name: str
    title: str
    description: str
    kind: ExpertKind
    template: str
    cues: tuple[str, ...] = ()
    order: int = 50
    model: str | None = None
    max_tokens: int | None = Field(None, ge=1, le=32_768)
    tool: str | None = Field(None, pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")
    rewrites: bool = False
    reason: str = ""
    defers_to: str | None = None
    defers_cues: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The name plans use: the expert's, in capitals."""
        return self.name.upper()

    @field_validator("cues", "defers_cues")
    @classmethod
    def _cues_compile(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for cue in value:
            try:
                re.compile(cue)
            except re.error as exc:
                raise ValueError(f"cue {cue!r} is not a regular expression: {exc}") from exc
        return value

    @cached_property
    def cue_pattern(self) -> re.Pattern[str] | None:
        """All cues as one pattern, `None` when there are none."""
        return re.compile("|".join(f"(?:{cue})" for cue in self.cues), re.IGNORECASE | re.ASCII) if self.cues else None


class Profile(Entry):
    """Which model answers for which role.

    Attributes:
        name: The key of its table.
        title: What it is for, in one line.
        brain: The model that routes, combines and answers directly, and what stands in for it.
        default: The same for every expert that is not named in `experts`.
        experts: The same by expert name.
        also: Models that belong to the set though no expert of this version asks them.
        pinned: Models that are never put out of memory for others or for idleness; the Brain's unless given.
    """

    name: str
    title: str
    brain: Choice
    default: Choice
    experts: Mapping[str, Choice] = Field(default_factory=dict)
    also: tuple[str, ...] = ()
    pinned: tuple[str, ...] | None = None

    @property
    def pinned_models(self) -> frozenset[str]:
        """The names of the models that stay in memory."""
        return frozenset(self.brain if self.pinned is None else self.pinned)


class Catalog(Entry):
    """All models, experts and profiles, checked against each other."""

    models: Mapping[str, ModelSpec]
    experts: Mapping[str, ExpertSpec]
    profiles: Mapping[str, Profile]
    prompt_folders: tuple[Path, ...] = ()
    """Folders that stand before the built-in `prompts/`: one beside each user catalogue."""

    def expert(self, name: str) -> ExpertSpec:
        """Give an expert by its name or label.

        Raises:
            UnknownExpert: There is none.
        """
        if (spec := self.experts.get(name.lower())) is None:
            raise UnknownExpert(name, self.experts)
        return spec

    def profile(self, name: str) -> Profile:
        """Give a profile by name.

        Raises:
            CatalogError: There is none.
        """
        if name not in self.profiles:
            raise CatalogError(f"no profile {name!r}; choose one of: {', '.join(sorted(self.profiles))}")
        return self.profiles[name]

    def brain_models(self, profile: str) -> tuple[ModelSpec, ...]:
        """Give the models that may be the Brain in a profile, the best first."""
        return tuple(self.models[name] for name in self.profile(profile).brain)

    def brain_model(self, profile: str) -> ModelSpec:
        """Give the model that should be the Brain in a profile."""
        return self.brain_models(profile)[0]

    def expert_models(self, expert: ExpertSpec, profile: str) -> tuple[ModelSpec, ...]:
        """Give the models that may answer for an expert in a profile, the best first."""
        chosen = self.profile(profile)
        names = (expert.model,) if expert.model else chosen.experts.get(expert.name, chosen.default)
        return tuple(self.models[name] for name in names)

    def expert_model(self, expert: ExpertSpec, profile: str) -> ModelSpec:
        """Give the model that should answer for an expert in a profile."""
        return self.expert_models(expert, profile)[0]

    @model_validator(mode="after")
    def _names_resolve(self) -> Catalog:
        for where, name in _model_references(self):
            if name not in self.models:
                raise ValueError(f"{where} names the model {name!r}, which has no [models.{name}] table")
        for profile in self.profiles.values():
            if strangers := sorted(set(profile.experts) - set(self.experts)):
                raise ValueError(f"profiles.{profile.name} names the expert {strangers[0]!r}, which has no table")
        for expert in self.experts.values():
            if expert.defers_to and expert.defers_to not in self.experts:
                raise ValueError(f"experts.{expert.name} defers to the expert {expert.defers_to!r}, which has no table")
        tools = [expert.tool for expert in self.experts.values() if expert.tool]
        if twice := sorted({tool for tool in tools if tools.count(tool) > 1}):
            raise ValueError(f"two experts claim the tool {twice[0]!r}")
        return self


def _model_references(catalog: Catalog) -> list[tuple[str, str]]:
    found = [(f"experts.{expert.name}", expert.model) for expert in catalog.experts.values() if expert.model]
    for profile in catalog.profiles.values():
        found += [(f"profiles.{profile.name}", name) for name in _profile_models(profile)]
    return found


def _profile_models(profile: Profile) -> tuple[str, ...]:
    chains = (profile.brain, profile.default, *profile.experts.values(), profile.also, profile.pinned or ())
    return tuple(name for chain in chains for name in chain)


def load_catalog(user_file: Path | None = None) -> Catalog:
    """Read the built-in catalogue and lay a user's file over it, key by key.

    A table of the user's file adds an entry, or overrides single fields of the entry of the same name.
    A folder `prompts/` beside the user's file is searched for templates before the built-in one.

    Raises:
        CatalogError: A file cannot be read, is not TOML, or an entry is wrong.
    """
    tables = tomllib.loads(resources.files("tiny_moa").joinpath("catalog.toml").read_text("utf-8"))
    folders: tuple[Path, ...] = ()
    if user_file is not None:
        tables = _overlay(tables, _user_tables(user_file))
        folders = (user_file.resolve().parent / "prompts",)
    try:
        return Catalog.model_validate({**_named(tables), "prompt_folders": folders})
    except ValidationError as exc:
        fault = exc.errors(include_url=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise CatalogError(f"{user_file or 'built-in catalogue'}: {where or 'catalogue'}: {fault['msg']}") from exc


def _user_tables(file: Path) -> dict[str, Any]:
    try:
        tables = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise CatalogError(f"cannot read the catalogue {str(file)!r}: {exc}") from exc
    _check_shape(tables, file)
    for model in tables.get("models", {}).values():
        if isinstance(model.get("path"), str):
            model["path"] = _absolute(model["path"], file)
        if isinstance(model.get("adapter"), Mapping) and isinstance(model["adapter"].get("path"), str):
            model["adapter"]["path"] = _absolute(model["adapter"]["path"], file)
    return tables


def _absolute(path: str, file: Path) -> str:
    return str(file.resolve().parent / Path(path).expanduser())


def _check_shape(tables: Mapping[str, Any], file: Path) -> None:
    for kind, entries in tables.items():
        if not isinstance(entries, Mapping) or not all(isinstance(entry, Mapping) for entry in entries.values()):
            raise CatalogError(
                f"{file}: {kind!r} must hold tables such as [{kind}.NAME]; the kinds are models, experts, profiles"
            )


_IDENTITY = ("repo", "revision", "file", "packaged", "sha256", "bytes", "about_bytes", "companions", "unavailable", "instead")
"""What describes one certain weights file; a model whose `path` a user sets does not keep these from below."""


def _overlay(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    merged = {key: value for key, value in base.items() if not ("path" in top and key in _IDENTITY)}
    for key, value in top.items():
        below = merged.get(key)
        merged[key] = _overlay(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def _named(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Write each table's key into it as `name`, and each expert's default template."""
    named: dict[str, Any] = {}
    for kind, entries in tables.items():
        named[kind] = {key: {"name": key, **entry} for key, entry in entries.items()}
    for key, entry in named.get("experts", {}).items():
        entry.setdefault("template", f"experts/{key}")
    return named
