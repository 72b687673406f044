"""The commands pull, models, verify, remove, trace and status: they show what other modules decide."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiny_moa.catalog import Catalog, ModelSpec, load_catalog
from tiny_moa.errors import CatalogError, LicenceNotAccepted, TinyMoAError
from tiny_moa.models import stores
from tiny_moa.models.weights import WeightStore, digest_of
from tiny_moa.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from tiny_moa.models.pull import Outcome, Step
    from tiny_moa.sources import HubFile

_MIB = 2**20
_PLAIN_WIDTH = 200
"""Columns when the output is not a terminal, so that scripts see whole names."""


def _console() -> Console:
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PLAIN_WIDTH)


def _size(count: int | None, is_exact: bool = True) -> str:
    if count is None:
        return "unknown"
    return f"{count / _MIB:,.0f} MiB ({'' if is_exact else 'about '}{count:,} bytes)"


def _size_of(spec: ModelSpec) -> str:
    is_exact = spec.bytes is not None and all(file.bytes for file in spec.companions.values())
    return _size(spec.total_bytes, is_exact)


# -- pull -----------------------------------------------------------------------------------------------------------


def pull(settings: Settings, given: argparse.Namespace) -> int:
    """Fetch what is missing; 0 when everything is here afterwards.

    Raises:
        CatalogError: A name is unknown, or its model cannot run.
        LicenceNotAccepted: A licence with a condition was not agreed to.
        FetchFailed: There is not enough room.
    """
    from tiny_moa.models.pull import choose, plan

    console, store = _console(), WeightStore(settings.models)
    catalog = load_catalog(settings.catalog)
    specs = choose(catalog, given.names or (settings.profile,))
    _refuse_packaged(specs, store)
    steps = plan(specs, store)
    _show_plan(console, steps)
    if given.dry_run or all(step.present for step in steps):
        return 0
    wanted = {step.model for step in steps if not step.present}
    _agree(console, [spec for spec in specs if spec.name in wanted], store, is_agreed=given.accept_licence)
    outcomes = _fetch(console, steps, store)
    return _show_outcomes(console, outcomes)


def _refuse_packaged(specs: Iterable[ModelSpec], store: WeightStore) -> None:
    """Say how to get a model that is not on a hub, if it is not here."""
    for spec in specs:
        if not spec.hub_files:
            store.locate(spec)


def _show_plan(console: Console, steps: Sequence[Step]) -> None:
    for step in steps:
        state = "here" if step.present else "to be taken over" if step.foreign else "to be fetched"
        where = f" from {step.foreign}" if step.foreign else ""
        size = _size(step.file.size, step.file.bytes is not None)
        console.print(f"{state:17}{step.model}: {step.file.repo}/{step.file.file}, {size}{where}", markup=False)
    missing = sum(step.missing_bytes for step in steps)
    console.print(f"{_size(missing)} to be fetched" if missing else "nothing to be fetched", markup=False)


def _agree(console: Console, specs: Sequence[ModelSpec], store: WeightStore, *, is_agreed: bool) -> None:
    """Show each licence that was not agreed to yet, and ask.

    Raises:
        LicenceNotAccepted: The answer is no, or nobody can be asked.
    """
    by_licence: dict[str, list[ModelSpec]] = {}
    for spec in specs:
        by_licence.setdefault(f"{spec.licence}: {spec.condition}" if spec.condition else "", []).append(spec)
    for licence, models in by_licence.items():
        if not licence or store.ledger.accepted(licence):
            continue
        names = ", ".join(spec.name for spec in models)
        console.print(f"\nLicence of {names}\n  {licence}", markup=False)
        if not (is_agreed or _says_yes(console)):
            raise LicenceNotAccepted(
                f"the licence {models[0].licence!r} of {names} was not accepted; answer yes, or give --accept-licence"
            )
        store.ledger.accept(licence)


def _says_yes(console: Console) -> bool:
    if not sys.stdin.isatty():
        return False
    return console.input("Do you agree to it? [y/N] ").strip().lower() in ("y", "yes")


def _fetch(console: Console, steps: Sequence[Step], store: WeightStore) -> tuple[Outcome, ...]:
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    from tiny_moa.models.hub import HubClient
    from tiny_moa.models.pull import run

    columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        return run(steps, store, HubClient(store.environ), _Bars(progress))


class _Bars:
    """A bar for each file, begun with its first bytes."""

    def __init__(self, progress: Progress) -> None:
        from rich.progress import TaskID

        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, file: HubFile, here: int, total: int) -> None:
        key = f"{file.repo}/{file.file}"
        if key not in self._tasks:
            self._tasks[key] = self._progress.add_task(file.name, total=total, completed=here)
        self._progress.update(self._tasks[key], completed=here, total=total)


def _show_outcomes(console: Console, outcomes: Sequence[Outcome]) -> int:
    for outcome in outcomes:
        if outcome.error:
            console.print(f"failed  {outcome.step.model}: {outcome.error}", markup=False, style="red")
        elif not outcome.step.present:
            how = "taken over" if outcome.is_reused else "fetched"
            console.print(f"{how}  {outcome.step.model}: {outcome.path}", markup=False)
    return 1 if any(outcome.error for outcome in outcomes) else 0


# -- models ---------------------------------------------------------------------------------------------------------


def models(settings: Settings, given: argparse.Namespace) -> int:
    """List every model of the catalogue."""
    from rich.table import Table

    catalog, store = load_catalog(settings.catalog), WeightStore(settings.models)
    catalog.profile(settings.profile)
    roles = roles_of(catalog, settings.profile)
    table = Table(title=f"Models, with their roles in profile {settings.profile!r}", title_justify="left")
    for column in ("model", "here", "size", "licence", "roles", "checked"):
        table.add_column(column, overflow="fold", no_wrap=column in ("model", "here", "size"))
    for spec in catalog.models.values():
        licence = f"{spec.licence}: {spec.condition}" if spec.condition else spec.licence
        unchecked = [name for name, is_checked in spec.verified if not is_checked]
        checked = "all" if not unchecked else f"not {', '.join(unchecked)}"
        table.add_row(spec.name, _state(spec, store), _size_of(spec), licence, ", ".join(roles.get(spec.name, ())), checked)
    console = _console()
    console.print(table)
    for spec in catalog.models.values():
        if spec.unavailable:
            console.print(f"{spec.name}: {spec.unavailable}; instead: {spec.instead}", markup=False)
    return 0


def _state(spec: ModelSpec, store: WeightStore) -> str:
    if spec.unavailable and not spec.path:
        return "cannot run"
    return "yes" if store.is_present(spec) else "no"


def roles_of(catalog: Catalog, profile: str) -> dict[str, list[str]]:
    """Give the roles each model may answer for in a profile; a stand-in's role is in brackets."""
    chains = {"brain": catalog.brain_models(profile)}
    for expert in catalog.experts.values():
        if expert.kind not in ("documents", "unavailable"):
            chains[expert.name] = catalog.expert_models(expert, profile)
    roles: dict[str, list[str]] = {}
    for role, chain in chains.items():
        for index, spec in enumerate(chain):
            roles.setdefault(spec.name, []).append(f"({role})" if index else role)
    return roles


# -- verify and remove ----------------------------------------------------------------------------------------------


def verify(settings: Settings, given: argparse.Namespace) -> int:
    """Hash files; 0 when every one is what it should be.

    Raises:
        CatalogError: A name is unknown.
    """
    from tiny_moa.models.pull import choose

    catalog, store, console = load_catalog(settings.catalog), WeightStore(settings.models), _console()
    named = choose(catalog, given.names) if given.names else tuple(catalog.models.values())
    wrong = 0
    for spec in named:
        for label, path, expected in _files_here(spec, store):
            if path is None:
                if given.names:
                    console.print(f"missing   {label}; run `tiny-moa pull {spec.name}`", markup=False)
                    wrong += 1
                continue
            verdict, is_wrong = _verdict(path, expected)
            wrong += is_wrong
            remedy = f"; run `tiny-moa remove {spec.name}`, then `tiny-moa pull {spec.name}`" if is_wrong else ""
            console.print(f"{verdict:10}{label}: {path}{remedy}", markup=False)
    return 1 if wrong else 0


def _files_here(spec: ModelSpec, store: WeightStore) -> list[tuple[str, Path | None, str | None]]:
    first = [(spec.name, store.find(spec), spec.sha256)] if not spec.unavailable else []
    return first + [(f"{spec.name} {file.name}", store.find_file(file), file.sha256) for file in spec.hub_files[1:]]


def _verdict(path: Path, expected: str | None) -> tuple[str, bool]:
    """Compare a file with the catalogue's digest, else with the hub's, under which the cache keeps it."""
    known = expected or stores.blob_digest(path)
    if known is None:
        return "unknown", False
    try:
        is_right = digest_of(path) == known
    except OSError as exc:
        raise CatalogError(f"cannot read {str(path)!r}: {exc.strerror}; check its permissions") from exc
    return ("right", False) if is_right else ("WRONG", True)


def remove(settings: Settings, given: argparse.Namespace) -> int:
    """Delete models from the hub cache; other programs' files are only forgotten.

    Raises:
        CatalogError: A name is unknown.
    """
    from tiny_moa.models import hub

    catalog, store, console = load_catalog(settings.catalog), WeightStore(settings.models), _console()
    for name in given.names:
        if name not in catalog.models:
            raise CatalogError(f"no model {name!r}; choose among: {', '.join(catalog.models)}")
    for name in given.names:
        spec = catalog.models[name]
        try:
            freed = sum(hub.remove(file, os.environ) for file in spec.hub_files)
            for file in spec.hub_files:
                if file.sha256:
                    store.ledger.forget(file.sha256)
        except OSError as exc:
            raise TinyMoAError(f"cannot remove {name!r}: {exc.strerror}: {exc.filename}; check its permissions") from exc
        left = store.find(spec)
        console.print(f"{name}: {_size(freed)} freed" + (f"; left alone: {left}" if left else ""), markup=False)
    return 0


# -- trace ----------------------------------------------------------------------------------------------------------


def trace(settings: Settings, given: argparse.Namespace) -> int:
    """Show a trace as a tree, write it as a page, or list what is kept.

    Raises:
        InvalidRequest: There is no such trace.
    """
    from tiny_moa.traces import TraceStore, page_of, traces_folder, tree_of
    from tiny_moa.traces.tree import plain

    store, console = TraceStore(traces_folder()), _console()
    if given.list_all:
        for name in store.ids():
            record = store.load(name)
            status = record["answer"]["status"] if record["answer"] else "no answer"
            console.print(f"{name}  {status:10}  {record['seconds']:6.1f} s  {plain(record['question'], 80)}", soft_wrap=True)
        return 0
    record = store.load(given.id)
    if given.html == "-":
        sys.stdout.write(page_of(record))
    elif given.html:
        _write_page(Path(given.html), page_of(record))
        console.print(f"written: {given.html}", markup=False)
    else:
        console.print(f"[bold]{plain(record['question'], 500)}[/]  [dim]{record['id']}[/]", soft_wrap=True)
        console.print(tree_of(record, is_full=True))
    return 0


def _write_page(file: Path, page: str) -> None:
    try:
        file.write_text(page, "utf-8")
    except OSError as exc:
        raise TinyMoAError(f"cannot write {str(file)!r}: {exc.strerror}; name a file in a folder you may write to") from exc


# -- status ---------------------------------------------------------------------------------------------------------


def status(settings: Settings, given: argparse.Namespace) -> int:
    """Show what the running servers of this user hold and do."""
    import json

    from tiny_moa.server.status import live_snapshots, status_folder

    snapshots = live_snapshots(status_folder())
    if given.json:
        sys.stdout.write(json.dumps(snapshots, indent=2) + "\n")
        return 0
    console = _console()
    if not snapshots:
        console.print("No server of yours is running. A host starts one; `tiny-moa doctor` says whether it could.")
    for snapshot in snapshots:
        _show_server(console, snapshot)
    return 0


def _show_server(console: Console, snapshot: Mapping[str, Any]) -> None:
    from rich.table import Table

    memory, documents = snapshot["memory"], snapshot["documents"]
    held = f"{_mib(memory['used_bytes'])} of {_mib(memory['budget_bytes'])}, other servers {_mib(memory['others_bytes'])}"
    read = f"{documents['conversions']} converted, {documents['cache_hits']} from the cache"
    console.print(f"server {snapshot['pid']}, profile {snapshot['profile']!r}, as of {snapshot['written']}", markup=False)
    console.print(f"  models hold {held}; documents: {read}", markup=False)
    if not snapshot["models"]:
        console.print("  no model was asked for yet\n")
        return
    table = Table()
    state = ("model", "tier", "forecast", "measured", "in use", "waiting", "loads", "evicted", "restarts")
    for column in (*state, "read/s", "written/s", "prefixes"):
        table.add_column(column, no_wrap=True)
    for model in snapshot["models"]:
        table.add_row(*_model_cells(model))
    console.print(table)


def _model_cells(model: Mapping[str, Any]) -> list[str]:
    runtime = model["runtime"] or {}
    read = runtime.get("evaluated_tokens", 0) - runtime.get("generated_tokens", 0)
    prefixes = runtime.get("prefixes", ())
    kept = f"{sum(prefix['tokens'] for prefix in prefixes)} tokens, {sum(prefix['hits'] for prefix in prefixes)} hits"
    return [
        model["model"] + (" (pinned)" if model["is_pinned"] else ""),
        model["tier"],
        _mib(model["forecast_bytes"]),
        _mib(model["measured_bytes"]),
        *(str(model[name]) for name in ("leases", "waiting", "loads", "evictions", "restarts")),
        _rate(read, runtime.get("read_seconds", 0.0)),
        _rate(runtime.get("generated_tokens", 0), runtime.get("write_seconds", 0.0)),
        kept if prefixes else "",
    ]


def _mib(count: int) -> str:
    return f"{count / _MIB:,.0f} MiB"


def _rate(tokens: int, seconds: float) -> str:
    return f"{tokens / seconds:.0f}" if seconds > 0 else ""
