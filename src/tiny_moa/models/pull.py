"""Brings models onto this machine: plans what is missing, reuses what other programs have, fetches the rest in parallel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread

from tiny_moa.catalog import Catalog, ModelSpec, Profile
from tiny_moa.errors import CatalogError, FetchFailed, TinyMoAError
from tiny_moa.models import stores
from tiny_moa.models.hub import HubClient
from tiny_moa.models.weights import WeightStore, digest_of
from tiny_moa.sources import HubFile

_AT_ONCE = 4
"""Files fetched side by side; more gain nothing on a home connection."""
_POLL_SECONDS = 0.2
"""How often the main thread wakes, so that an interrupt from the keyboard is heard."""

Progress = Callable[[HubFile, int, int], None]


@dataclass(frozen=True)
class Step:
    """One file of one model and what is to be done about it.

    Attributes:
        model: The model's name.
        file: The file.
        present: Where it is already.
        foreign: A file of another program that has its name and size and may be it.
    """

    model: str
    file: HubFile
    present: Path | None = None
    foreign: Path | None = None

    @property
    def missing_bytes(self) -> int:
        """What would be fetched, as far as the catalogue knows."""
        return 0 if self.present or self.foreign else self.file.size or 0


@dataclass(frozen=True)
class Outcome:
    """How a step ended: with a path or an error."""

    step: Step
    path: Path | None = None
    error: TinyMoAError | None = None
    is_reused: bool = False


def choose(catalog: Catalog, names: Iterable[str]) -> tuple[ModelSpec, ...]:
    """Give the models that names of profiles and models stand for, each once.

    A profile stands for the first model of each role that can run here, and for those of its `also`.

    Raises:
        CatalogError: A name is neither, or the model cannot run.
    """
    chosen: dict[str, ModelSpec] = {}
    for name in names:
        if name in catalog.profiles:
            chosen.update((spec.name, spec) for spec in _set_of(catalog, catalog.profiles[name]))
        elif name in catalog.models:
            chosen[name] = _runnable(catalog.models[name])
        else:
            known = ", ".join([*catalog.profiles, *catalog.models])
            raise CatalogError(f"{name!r} is neither a profile nor a model; choose among: {known}")
    return tuple(chosen.values())


def _set_of(catalog: Catalog, profile: Profile) -> list[ModelSpec]:
    chains = [profile.brain, profile.default, *profile.experts.values(), *((name,) for name in profile.also)]
    runnable = [[catalog.models[name] for name in chain if not catalog.models[name].unavailable] for chain in chains]
    return [chain[0] for chain in runnable if chain]


def _runnable(spec: ModelSpec) -> ModelSpec:
    if spec.unavailable:
        raise CatalogError(f"model {spec.name!r} cannot be pulled: {spec.unavailable}; instead: {spec.instead}")
    return spec


def plan(specs: Iterable[ModelSpec], store: WeightStore) -> tuple[Step, ...]:
    """Look where each file of the models is; opens none of them."""
    steps: list[Step] = []
    for spec in specs:
        whole = store.find(spec)
        for index, file in enumerate(spec.hub_files):
            present = _whole(file, whole if index == 0 else store.find_file(file))
            steps.append(Step(spec.name, file, present, None if present else _foreign(file, store)))
    return tuple(steps)


def _whole(file: HubFile, path: Path | None) -> Path | None:
    """Give a path unless the file there has another size than the catalogue says."""
    return path if path and file.bytes in (None, path.stat().st_size) else None


def _foreign(file: HubFile, store: WeightStore) -> Path | None:
    """Give another program's file of the right size; without a digest to compare with there is never one."""
    if not file.sha256:
        return None
    sized = (path for path in stores.foreign_paths(store.environ, file) if path.is_file())
    return next((path for path in sized if file.bytes in (None, path.stat().st_size)), None)


def run(steps: Sequence[Step], store: WeightStore, client: HubClient, progress: Progress) -> tuple[Outcome, ...]:
    """Do every step that is needed, several at a time; one that fails does not keep the others from ending well.

    An interrupt from the keyboard stops all of them; what was fetched is kept for the next time.

    Raises:
        FetchFailed: The files together do not fit on the disk; nothing was fetched.
    """
    missing = sum(step.missing_bytes for step in steps)
    if missing and (free := client.free(store.cache)) < missing:
        first = next(step.file for step in steps if step.missing_bytes)
        raise FetchFailed(
            first.name,
            f"{missing} bytes are to be fetched and the disk has {free} free; make room, or set HF_HOME to another disk",
        )
    stop = Event()
    work: SimpleQueue[tuple[Step, Future[Outcome]]] = SimpleQueue()
    futures: list[Future[Outcome]] = [Future() for _ in steps]
    for step, future in zip(steps, futures, strict=True):
        work.put((step, future))
    for _ in range(min(_AT_ONCE, len(steps))):  # daemons: a silent connection must not keep an interrupted program
        Thread(target=_work, args=(work, lambda step: _do(step, store, client, progress, stop)), daemon=True).start()
    try:
        while wait(futures, timeout=_POLL_SECONDS).not_done:
            pass
    finally:
        stop.set()
    return tuple(future.result() for future in futures)


def _work(work: SimpleQueue[tuple[Step, Future[Outcome]]], do: Callable[[Step], Outcome]) -> None:
    """Do steps until there are none left; what is raised reaches the one who waits."""
    while True:
        try:
            step, future = work.get_nowait()
        except Empty:
            return
        try:
            future.set_result(do(step))
        except BaseException as exc:  # noqa: BLE001  it is raised again by the one who waits
            future.set_exception(exc)


def _do(step: Step, store: WeightStore, client: HubClient, progress: Progress, stop: Event) -> Outcome:
    if step.present:
        return Outcome(step, step.present)
    try:
        if step.foreign and _is_adopted(step, step.foreign, store):
            return Outcome(step, step.foreign, is_reused=True)
        path = client.fetch(step.file, lambda here, total: progress(step.file, here, total), stop)
    except TinyMoAError as exc:
        return Outcome(step, error=exc)
    return Outcome(step, path)


def _is_adopted(step: Step, foreign: Path, store: WeightStore) -> bool:
    """Hash another program's file and remember it when it is the catalogue's; what cannot be read or kept is fetched."""
    try:
        if step.file.sha256 is None or digest_of(foreign) != step.file.sha256:
            return False
        store.ledger.adopt(step.file.sha256, foreign)
    except OSError:
        return False
    return True
