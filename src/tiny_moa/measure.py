"""The commands about councils: calibrate measures the models that could sit, replay counts a meeting's ballots again."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiny_moa.errors import CatalogError, DeliberationError
from tiny_moa.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from tiny_moa.deliberation.audit import Entry
    from tiny_moa.deliberation.calibration import Measured
    from tiny_moa.experts.base import TemplatedModel
    from tiny_moa.server.team import Team

KINDS = ("math", "code")
"""The kinds of tasks whose truth is known."""


def calibrate(settings: Settings, given: argparse.Namespace) -> int:
    """Measure models as authors and as judges, and keep what came of it task by task; what is measured already is taken over.

    Raises:
        CatalogError: A name is no model that is here and could sit.
        ModelError: A model cannot work at all.
        DeliberationError: The result cannot be kept.
    """
    import anyio
    from rich.console import Console

    from tiny_moa.server.team import build_team

    async def run() -> None:
        async with build_team(settings) as team:
            await _calibrate(team, given, Console(highlight=False))

    anyio.run(run)
    return 0


async def _calibrate(team: Team, given: argparse.Namespace, console: Console) -> None:
    from rich.progress import Progress

    from tiny_moa.deliberation.calibration import FILE
    from tiny_moa.models.stores import data_folder

    folder = data_folder(os.environ)
    for kind in given.kind or KINDS:
        for model in _chosen(team, kind, given.names):
            with Progress(console=console, transient=True) as progress:
                measured = await _measured(team, model, kind, given, progress, folder)
            console.print(said(model.spec.name, kind, measured), markup=False)
    console.print(f"kept in {folder / FILE}", markup=False)


def _chosen(team: Team, kind: str, names: Sequence[str]) -> list[TemplatedModel]:
    here = {model.spec.name: model for model in team.council.here(kind)}
    if unknown := [name for name in names if name not in here]:
        raise CatalogError(f"no model {unknown[0]!r} is here that could sit; choose among: {', '.join(here) or 'none'}")
    return [here[name] for name in names] if names else list(here.values())


async def _measured(
    team: Team, model: TemplatedModel, kind: str, given: argparse.Namespace, progress: Progress, folder: Path
) -> Measured:  # fmt: skip
    """Measure one model in one kind of task; each task is kept when it is done, so that an end in the middle loses none."""
    import anyio

    from tiny_moa.deliberation.calibration import Measured, key, load_calibration, save_calibration
    from tiny_moa.deliberation.measuring import measure, read_tasks
    from tiny_moa.deliberation.panel import seat
    from tiny_moa.deliberation.provable import CodeField
    from tiny_moa.experts.base import Call
    from tiny_moa.experts.sandbox import Limits
    from tiny_moa.server.progress import Pulse

    name, field, council = model.spec.name, team.council.field(kind), team.council
    tasks = read_tasks(kind, field, CodeField(Limits()).passes)[: given.n or None]
    (member,) = seat([model])
    bar = progress.add_task(f"{name}, {kind}", total=len(tasks))
    record = key(name, council.identity(model.spec), council.templates, kind)
    known = Measured() if given.anew else council.measured(kind)[name]

    def on_task(part: str, done: int, so_far: Measured) -> None:
        progress.update(bar, completed=done, description=f"{name}, {kind}, as {part}")
        if so_far != known:
            save_calibration(folder, load_calibration(folder).having(record, so_far))

    call = Call(anyio.current_time() + given.hours * 3600, team.settings.max_tokens, Pulse())
    return await measure(member, field, tasks, call, on_task, known)


def said(model: str, kind: str, measured: Measured) -> str:
    """Say in a line what was found of a model."""
    author, judge = measured.generator, measured.voter
    weight = max(judge.weight, measured.judge.weight)
    verdict = f"no vote: {measured.refusal}" if measured.refusal else f"votes with weight {weight:.2f}"
    return (
        f"{model}, {kind}: {author.right} of {author.tasks} tasks right, at least {author.lower_bound:.0%}; as a judge "
        f"{judge.balanced_accuracy:.2f} balanced accuracy, {judge.steady} of {judge.turned} steady, by verdict "
        f"{measured.judge.balanced_accuracy:.2f}; {verdict}"
    )


# -- replay -----------------------------------------------------------------------------------------------------------


def replay(settings: Settings, given: argparse.Namespace) -> int:
    """Count the ballots of a kept meeting again, or hold it again; 0 when it comes to what was written, 1 when not.

    Raises:
        DeliberationError: The trace holds no meeting, or its minutes were changed.
        InvalidRequest: It is to be held again, and one of its models is not here any more.
    """
    import anyio
    from rich.console import Console

    from tiny_moa.deliberation.replay import replay as count_again
    from tiny_moa.traces import TraceStore, traces_folder

    record = TraceStore(traces_folder()).load(given.name)
    minutes = minutes_of(record)
    found = count_again(minutes)
    console = Console(highlight=False)
    console.print(f"the minutes are as they were written; {found.tallies} tallies counted again", markup=False)
    for difference in found.differences:
        console.print(difference, markup=False, style="red")
    if found.winners and not found.differences:
        console.print(f"the same winners: {', '.join(found.winners)}", markup=False)
    if found.differences:
        return 1
    return anyio.run(_hold_again, settings, record, minutes, console) if given.again else 0


async def _hold_again(settings: Settings, record: Mapping[str, Any], minutes: Sequence[Entry], console: Console) -> int:
    """Have the same models answer the same task by the same rules, and compare what they say.

    The same seeds give the same draws from the same numbers, and those are the same on the same kind of processor, with the same
    engine, when nobody else uses the models meanwhile.
    """
    import anyio

    from tiny_moa.deliberation.rules import Rules
    from tiny_moa.experts.base import Call, Proposal
    from tiny_moa.server.progress import Pulse
    from tiny_moa.server.team import build_team

    plan = minutes[0].body
    if minutes[0].kind != "plan":
        raise DeliberationError("this meeting was held before its plan was kept; only its ballots can be counted again")
    async with build_team(settings) as team:
        call = Call(anyio.current_time() + settings.deadline_seconds, plan["max_tokens"], Pulse())
        rules, roster = Rules(**plan["rules"]), plan["models"]
        outcome = await team.council.answer(plan["task"], plan["kind"], plan["depth"], call, rules, roster)
    said, again = (outcome.text, outcome.minutes) if isinstance(outcome, Proposal) else (f"nothing: {outcome.reason}", ())
    is_same = said == next(step["text"] for step in record["steps"] if step.get("minutes"))
    came_to = "another answer"
    if is_same:
        came_to = f"the same answer by {'the same' if _is_alike(minutes, again) else 'other'} minutes"
    console.print(f"held again by {', '.join(roster)}: {came_to}", markup=False)
    if not is_same:
        console.print(
            f"(draws may part on another processor or engine, at a deadline, or beside other calls)\n{said}", markup=False
        )
    return 0 if is_same else 1


def _is_alike(minutes: Sequence[Entry], again: Sequence[Mapping[str, Any]]) -> bool:
    """Whether two meetings went the same way after their plans, which say how the panels were chosen."""
    known = [[entry.kind, entry.body] for entry in minutes[1:]]
    return bool(json.loads(json.dumps([[entry["kind"], entry["body"]] for entry in again[1:]])) == known)


def minutes_of(record: Mapping[str, Any]) -> Sequence[Entry]:
    """Give the minutes of the meeting that a run held.

    Raises:
        DeliberationError: It held none.
    """
    from tiny_moa.deliberation.audit import Entry

    for step in record.get("steps", ()):
        if entries := step.get("minutes"):
            try:
                return [Entry(entry["kind"], entry["body"], entry["digest"]) for entry in entries]
            except (KeyError, TypeError) as exc:
                raise DeliberationError(f"the minutes in this trace cannot be read: {exc!r} is missing") from exc
    raise DeliberationError("this run held no meeting; ask with --depth repeat or --depth deliberate")


COMMANDS: Mapping[str, Callable[[Settings, argparse.Namespace], int]] = {"calibrate": calibrate, "replay": replay}
"""The commands by name."""
