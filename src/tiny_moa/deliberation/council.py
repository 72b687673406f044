"""Answers a task as a team: seats a panel, runs the strategy of the wanted depth, and says plainly what the answer rests on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import anyio

from tiny_moa.catalog import ModelSpec
from tiny_moa.deliberation.audit import chained
from tiny_moa.deliberation.broker import Applicant, Bounds, Choice, choose_panel, replay_panel, why_not
from tiny_moa.deliberation.calibration import Calibration, Measured, diversity_of, refusals, standing_of
from tiny_moa.deliberation.fields import Field
from tiny_moa.deliberation.meeting import Verdict
from tiny_moa.deliberation.panel import seat
from tiny_moa.deliberation.prospect import TOKENS_SHARE, Case, why_not_deliberate
from tiny_moa.deliberation.rules import Rules
from tiny_moa.deliberation.stopping import Utility
from tiny_moa.deliberation.strategies import STRATEGIES, Job, Panel
from tiny_moa.errors import InvalidRequest
from tiny_moa.experts.base import Abstention, Call, Proposal, Status, TemplatedModel, cut_note
from tiny_moa.experts.checks import Check

QUICK, AUTO = "quick", "auto"
"""The depth at which no council is asked, and the one at which it is asked when that is needed and can help."""
AUTOMATIC = "deliberate"
"""How a council answers then."""
COUNCIL = "council"
"""Who answers when a team does; not a name in the catalogue."""
_SEATS = 3
"""Members of a panel; of two, every ballot is all or nothing."""
_READ_TOKENS, _SLOW_READ, _SLOW_WRITE = 600, 40.0, 15.0
"""What a round is taken to read, and the speeds of a model nobody measured: those of 1.5 billion parameters on two cores."""


@dataclass(frozen=True)
class Present:
    """One model that is here: its identity, which changes with its file, and the bytes of it."""

    identity: str
    bytes: int


@dataclass(frozen=True)
class Eligible:
    """Who may be seated for each kind of task, and what is known of them.

    Attributes:
        models: For each kind, the models that could sit, the fixed team's order.
        fields: The kinds by name.
        look: Gives what is here of a model, `None` when its file is not.
        calibration: Gives what was measured; read anew for each task.
        templates: Digest of the words a meeting uses.
        budget_bytes: What all models may hold together.
    """

    models: Mapping[str, Sequence[TemplatedModel]]
    fields: Mapping[str, Field]
    look: Callable[[ModelSpec], Present | None]
    calibration: Callable[[], Calibration]
    templates: str
    budget_bytes: int


class Council:
    """The strategies over one team."""

    def __init__(self, team: Eligible) -> None:
        self._team = team

    def field(self, kind: str) -> Field:
        """Give a kind of task."""
        return self._team.fields[kind]

    def measured(self, kind: str) -> dict[str, Measured]:
        """Give what is known of each model that could sit, by its name."""
        calibration, found = self._team.calibration(), {}
        for model in self.here(kind):
            identity = self.identity(model.spec)
            found[model.spec.name] = calibration.of(model.spec.name, identity, self._team.templates, kind)
        return found

    @property
    def templates(self) -> str:
        """The digest of the words a meeting uses."""
        return self._team.templates

    def identity(self, spec: ModelSpec) -> str:
        """Give what identifies the file of a model that is here."""
        present = self._team.look(spec)
        assert present is not None
        return present.identity

    def here(self, kind: str) -> list[TemplatedModel]:
        """The different models of a kind whose files are here."""
        found: dict[str, TemplatedModel] = {}
        for model in self._team.models[kind]:
            if self._team.look(model.spec) is not None:
                found.setdefault(model.spec.name, model)
        return list(found.values())

    def choose(self, kind: str, call: Call, rounds: int, roster: Sequence[str] = ()) -> tuple[Choice, Panel]:
        """Seat a panel for a kind of task within the time and the memory there are.

        A team of one model sits as three of its answers: better than no panel, and said to be worth less than a mixed one.

        Args:
            kind: The kind of task.
            call: The bounds.
            rounds: How many are planned.
            roster: The models that sit whatever fits, a name for each seat; nobody else does.

        Raises:
            InvalidRequest: No model of that kind is here, or not everybody on the roster.
        """
        here = {model.spec.name: model for model in self.here(kind)}
        if not here:
            raise InvalidRequest("none of the models that could sit is on this machine; `tiny-moa doctor` says what is missing")
        known = self.measured(kind)
        applicants = [self._applicant(model.spec, known[name]) for name, model in here.items()]
        if roster:
            choice = replay_panel(tuple(dict.fromkeys(roster)), applicants)
            if not choice.models:
                raise InvalidRequest(f"the panel cannot sit again: {choice.reason}; `tiny-moa pull` fetches models")
            return choice, Panel(seat([here[name] for name in roster]), standing_of(known))
        bounds = self._bounds(call, rounds)
        choice = choose_panel(applicants, bounds, fixed=tuple(here), diversity=diversity_of(known))
        names = choice.models or tuple(here)[:1]
        first = max(names, key=lambda name: known[name].generator.lower_bound)  # of equals the earlier
        ordered = [first, *(name for name in names if name != first)]
        seated = [here[name] for name in ordered] + [here[first]] * (_SEATS - len(ordered))
        return choice, Panel(seat(seated), standing_of(known))

    def why_not(self, task: str, kind: str, call: Call, *, is_refuted: bool) -> str:
        """Say why a council is not worth asking about a task, empty when it is; asks nobody.

        Args:
            task: In the user's words.
            kind: Its kind.
            call: The bounds it would have.
            is_refuted: Whether the answer there is fails a check.
        """
        here, known = self.here(kind), self.measured(kind)
        if not here:
            return "none of the models that could sit is on this machine"
        choice, panel = self.choose(kind, call, 1)
        alone = [self._applicant(here[0].spec, known[here[0].spec.name])] if len(here) == 1 else []
        hindrance = "" if choice.models else why_not(alone, self._bounds(call, 1)) if alone else choice.reason
        seated = {member.model.spec.name for member in panel.seats}
        standing, _ = panel.standing.asked(None)
        voters = len(seated & standing.weights.keys())
        rounds = Utility.of(standing.p_right, standing.balanced_accuracy).best_rounds
        case = Case(self._team.fields[kind].examples(task), is_refuted, voters, rounds, hindrance)
        return why_not_deliberate(case)

    def _bounds(self, call: Call, rounds: int) -> Bounds:
        return Bounds(call.deadline - anyio.current_time(), self._team.budget_bytes, rounds, write_tokens=call.max_tokens)

    def _applicant(self, spec: ModelSpec, known: Measured) -> Applicant:
        present = self._team.look(spec)
        assert present is not None
        rates = (known.read_rate or _SLOW_READ, known.write_rate or _SLOW_WRITE)
        generator = known.generator
        return Applicant(
            spec.name, spec.family, generator.lower_bound, generator.tasks, present.bytes, read_rate=rates[0], write_rate=rates[1]
        )

    async def answer(
        self, task: str, kind: str, depth: str, call: Call, rules: Rules | None = None, roster: Sequence[str] = ()
    ) -> Proposal | Abstention:  # fmt: skip
        """Answer a task by the strategy of a depth; `roster` names who sits, as `choose` takes it.

        Raises:
            InvalidRequest: There is no such depth, or no model that could sit.
        """
        if depth not in STRATEGIES:
            raise InvalidRequest(f"no depth {depth!r}; choose one of: {', '.join(STRATEGIES)}")
        strategy, field, rules = STRATEGIES[depth], self._team.fields[kind], rules or Rules()
        choice, panel = self.choose(kind, call, 2 if depth == "deliberate" else 1, roster)
        verdict = await strategy.run(Job(job_id(task), task, field, rules), panel, call)
        if not verdict.text:
            return Abstention(COUNCIL, "; ".join(verdict.missing) or "nobody answered", verdict.attempts)
        plan = {"task": task, "kind": kind, "depth": depth, "rules": asdict(rules), "max_tokens": call.max_tokens}
        sitting = {"models": [member.model.spec.name for member in panel.seats], "choice": asdict(choice)}
        minutes = chained((), "plan", {**plan, **sitting})
        for entry in verdict.minutes:
            minutes = chained(minutes, entry.kind, entry.body)
        return _proposal(replace(verdict, minutes=minutes), strategy.name, choice, panel, refusals(self.measured(kind)))


def automatic_rules(max_tokens: int) -> Rules:
    """Give how a meeting is held that nobody asked for by name: within so many tokens."""
    return Rules(most_tokens=TOKENS_SHARE * max_tokens)


def job_id(task: str) -> str:
    """Give the name of a task, the same for the same words."""
    return hashlib.sha256(task.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _proposal(verdict: Verdict, strategy: str, choice: Choice, panel: Panel, unmeasured: Mapping[str, str]) -> Proposal:
    status: Status = "partial" if verdict.reason == "deadline" else "verified" if verdict.is_verified else "unverified"
    shared = f"{verdict.share:.0%} of {len(verdict.candidates)}"
    share = Check("agreement", f"answers that mean the same, {strategy}", verdict.reason == "agreement", shared)
    meeting: dict[str, Any] = {
        "strategy": strategy,
        "members": [member.name for member in panel.seats],
        "reason": verdict.reason,
        "rounds": verdict.rounds,
        "author": verdict.author,
        "share": round(verdict.share, 3),
        "is_settled": verdict.is_verified or verdict.reason in ("agreement", "evidence", "combined"),
        "conviction": None if verdict.conviction is None else round(verdict.conviction, 3),
        "panel": {**asdict(choice), "value": round(choice.value, 4)},
    }
    return Proposal(
        COUNCIL,
        verdict.text,
        status,
        checks=(*verdict.finding.checks, *([share] if len(verdict.candidates) > 1 else [])),
        attempts=verdict.attempts,
        fields={"meeting": meeting},
        notes=(*_notes(verdict, panel, unmeasured), *verdict.missing),
        minutes=tuple(asdict(entry) for entry in verdict.minutes),
    )


def _notes(verdict: Verdict, panel: Panel, unmeasured: Mapping[str, str]) -> tuple[str, ...]:
    """What the reader should know, above all what the answer does not rest on."""
    notes: list[str] = []
    models = {member.model.spec.name for member in panel.seats}
    if verdict.reason == "no voters" and unmeasured:
        who = "; ".join(f"{model}: {why}" for model, why in unmeasured.items() if model in models)
        notes.append(f"Nobody voted, for no model of the panel is known to judge better than chance ({who}).")
    if len(models) == 1 and len(verdict.candidates) > 1 and not verdict.is_verified:
        notes.append("All answers are of one model, whose errors are alike.")
    if verdict.reason == "agreement" and not verdict.is_verified:
        notes.append("The answers agree; that is not a proof.")
    return (*notes, *(cut_note(verdict.attempts[-1]) if len(verdict.attempts) == 1 else ()))
