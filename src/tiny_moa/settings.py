"""The frozen settings of one process, from TINY_MOA_* variables and command-line flags; reads no file but the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from tiny_moa.errors import SettingsError

PREFIX = "TINY_MOA_"
_FOREIGN = ("TINY_MOA_BENCH_", "TINY_MOA_TEST_")
"""Prefixes that belong to the benchmarks and the tests; the product ignores them."""

LogLevel = Literal["debug", "info", "warning", "error"]
Engine = Literal["auto", "llama", "xllama"]
Depth = Literal["quick", "auto", "single", "repeat", "refine", "compare", "combine", "vote", "deliberate"]
_DEPTHS_TOLD = (
    "how `ask` answers what its best member could not prove: quick lets it stand; auto asks a team when the answer is doubtful "
    "and examples or measured judges can tell a better one; repeat, refine, compare, combine, vote and deliberate always ask one"
)


class Settings(BaseModel):
    """Everything a user can set; a field `x` is the variable `TINY_MOA_X`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    catalog: Path | None = Field(None, description="a TOML file whose entries add to or override the built-in catalogue")
    profile: str = Field("embedded", description="which profile of the catalogue gives each role its model")
    roots: tuple[Path, ...] = Field((), description="folders whose documents may be read, joined by the system's path separator")
    models: Path | None = Field(None, description="a folder with GGUF files, searched by the file names of the catalogue")
    deadline_seconds: float = Field(45.0, ge=1, le=3600, description="how long a call may take before it returns what it has")
    max_tokens: int = Field(512, ge=1, le=32_768, description="most tokens one expert writes, unless the call says otherwise")
    depth: Depth = Field("quick", description=_DEPTHS_TOLD)
    engine: Engine = Field("auto", description="what runs models: llama, xllama, or auto for the first that is installed")
    threads: int = Field(0, ge=0, le=256, description="threads of one model; 0 takes the cores this process may use")
    memory_mib: int = Field(
        0, ge=0, le=1 << 24, description="memory for all models, in MiB; 0 takes 60 % of what is available at the start"
    )
    idle_seconds: float = Field(
        600.0,
        ge=1,
        le=1e6,
        description="an unused model gives its context back after this time, and all memory after three times it",
    )
    cache_mib: int = Field(
        512, ge=0, le=1 << 20, description="what was read from documents is kept on disk up to this many MiB; 0 keeps nothing"
    )
    url_hosts: tuple[str, ...] = Field(
        (), description="hosts that documents may be fetched from, joined by commas; `*.example.org` allows those below it"
    )
    vlm_url: str = Field(
        "",
        pattern=r"^(https?://[^\s/]+.*)?$",
        description="an OpenAI-compatible endpoint of a vision model that reads scanned pages, such as http://127.0.0.1:8080/v1",
    )
    vlm_model: str = Field("", description="the vision model's name at that endpoint")
    layout: Literal["auto", "off"] = Field(
        "auto", description="whether digital pages of PDFs are read with docling's layout model where it is here: auto or off"
    )
    docling_models: Path | None = Field(
        None,
        description="the folder of docling's model files; unset, `DOCLING_ARTIFACTS_PATH` and ~/.cache/docling/models are tried",
    )
    traces: bool = Field(True, description="whether a trace of every run is kept in the user's data folder, for tiny-moa trace")
    tldr: Path | None = Field(None, description="the `pages` folder of a tldr-pages checkout, for further shell commands")
    log_level: LogLevel = Field("warning", description="what goes to stderr: debug, info, warning or error")

    @field_validator("roots", mode="before")
    @classmethod
    def _split_roots(cls, value: Any) -> Any:
        return [part for part in value.split(os.pathsep) if part] if isinstance(value, str) else value

    @field_validator("url_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: Any) -> Any:
        return [part.strip().lower() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("roots")
    @classmethod
    def _resolve_roots(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        for root in value:
            if not root.is_dir():
                raise ValueError(f"{str(root)!r} is not a folder")
        return tuple(root.resolve() for root in value)

    @field_validator("docling_models")
    @classmethod
    def _find_docling_models(cls, value: Path | None) -> Path | None:
        if value is not None and not value.expanduser().is_dir():
            raise ValueError(f"{str(value)!r} is not a folder; fill one with: docling-tools models download layout -o FOLDER")
        return value

    @field_validator("tldr")
    @classmethod
    def _find_tldr(cls, value: Path | None) -> Path | None:
        if value is not None and not (value / "common").is_dir():
            raise ValueError(f"{str(value)!r} has no folder 'common'; name the folder `pages` of a tldr-pages checkout")
        return value


def variable(field: str) -> str:
    """Give the environment variable of a settings field."""
    return PREFIX + field.upper()


def load_settings(environ: Mapping[str, str], **flags: Any) -> Settings:
    """Read the settings: flags win over variables, variables over defaults.

    Args:
        environ: The process environment.
        flags: Settings by field name; `None` means that the flag was not given.

    Raises:
        SettingsError: A variable is unknown, or a value cannot be used.
    """
    known = {variable(field): field for field in Settings.model_fields}
    mine = {name for name in environ if name.startswith(PREFIX) and not name.startswith(_FOREIGN)}
    if unknown := sorted(mine - known.keys()):
        raise SettingsError(f"unknown variable {unknown[0]!r}; the variables are: {', '.join(sorted(known))}")
    values: dict[str, Any] = {known[name]: environ[name] for name in mine if environ[name] != ""}
    values.update((field, value) for field, value in flags.items() if value is not None)
    try:
        return Settings.model_validate(values)
    except ValidationError as exc:
        raise SettingsError(_first_fault(exc)) from exc


def _first_fault(exc: ValidationError) -> str:
    fault = exc.errors(include_url=False)[0]
    field = str(fault["loc"][0])
    meaning = Settings.model_fields[field].description if field in Settings.model_fields else "no such setting"
    return f"{variable(field)} = {fault['input']!r}: {fault['msg']}; it is {meaning}"
