"""Measures models as authors and as judges on tasks whose truth is known, so that a meeting may believe them or not."""

from __future__ import annotations

import tomllib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from types import MappingProxyType

import anyio

from tiny_moa.deliberation.anonymity import without_author
from tiny_moa.deliberation.calibration import Measured, Pairs
from tiny_moa.deliberation.fields import Field
from tiny_moa.deliberation.panel import Seat, chance, propose, vote
from tiny_moa.deliberation.voters import Chances, GeneratorRecord, VoterRecord
from tiny_moa.errors import ModelError
from tiny_moa.experts.base import Call
from tiny_moa.models.runtime import Usage

Truth = Callable[[str], Awaitable[bool]]
"""Says whether an answer is right, by running or computing it."""
OnTask = Callable[[str, int, Measured], None]
"""Hears as what the model is asked now, how many tasks are done, and all that is known by then."""
_ORDERS = (True, False)
"""Whether the right answer is shown first."""


@dataclass(frozen=True)
class KnownTask:
    """A task whose truth is known.

    Attributes:
        name: Its name among the tasks of its kind.
        task: In a user's words.
        right: A right answer in a user's words.
        wrong: A believable wrong one.
        truth: Says of any answer whether it is right.
    """

    name: str
    task: str
    right: str
    wrong: str
    truth: Truth


def read_tasks(kind: str, field: Field, run_tests: Callable[[str, Sequence[str]], Awaitable[bool]]) -> tuple[KnownTask, ...]:
    """Give the tasks that come with the product: those of `math` are proved by value, those of `code` by their tests."""
    tables = tomllib.loads((resources.files("tiny_moa.deliberation") / "tasks.toml").read_text("utf-8"))[kind]
    return tuple(_known(kind, number, table, field, run_tests) for number, table in enumerate(tables, start=1))


def _known(
    kind: str, number: int, table: Mapping[str, object], field: Field, run_tests: Callable[[str, Sequence[str]], Awaitable[bool]]
) -> KnownTask:
    task, name = str(table["task"]), f"{kind}-{number}"
    if kind == "code":
        tests = [str(test) for test in table["tests"]]  # type: ignore[attr-defined]
        fenced = [f"```python\n{table[which]}\n```" for which in ("right", "wrong")]
        return KnownTask(name, task, fenced[0], fenced[1], lambda text: run_tests(text, tests))
    expected = f"Answer: {table['answer']}"

    async def truth(text: str) -> bool:
        wanted, found = (await field.look(task, expected)).value, (await field.look(task, text)).value
        return found is not None and field.is_same(found, wanted)

    return KnownTask(name, task, expected, f"Answer: {table['wrong']}", truth)


async def measure(
    member: Seat, field: Field, tasks: Sequence[KnownTask], call: Call, on_task: OnTask, known: Measured | None = None
) -> Measured:  # fmt: skip
    """Measure one model, task by task, as an author and then as a judge; what is known of it already is not measured again.

    As a judge it is shown a right and a wrong answer of each task, in both orders, as a meeting would show them. A deadline of
    the call ends it with what was counted by then: the task it fell into counts for nothing.

    Args:
        member: The model.
        field: The kind of task.
        tasks: In the order in which they are given.
        call: The bounds.
        on_task: Hears how far it is, and what is known so far.
        known: What was measured before, if anything was.

    Raises:
        ModelError: The model cannot work at all.
    """
    known = known or Measured()
    is_judged = not known.verdicts and known.voter.asked >= len(_ORDERS) * len(tasks)  # measured before verdicts were kept
    if not (known.verdicts or is_judged):
        known = replace(known, voter=VoterRecord())
    usage = Usage()
    for done, task in enumerate(tasks):
        if task.name not in known.outcomes:
            on_task("author", done, known)
            right, cost = await _as_author(member, field, task, call)
            usage += cost
            if right is None:
                return known
            known = _with_outcome(known, task.name, right, usage)
        if not (is_judged or task.name in known.verdicts):
            on_task("judge", done, known)
            pairs = await _as_judge(member, task, call)
            if anyio.current_time() >= call.deadline:
                return known
            known = _with_verdicts(known, task.name, pairs)
        if task.name not in known.chances:
            on_task("judge, by verdict", done, known)
            said = await _as_asked(member, task, call)
            if said is None:
                return known
            known = replace(known, chances=MappingProxyType({**known.chances, task.name: said}))
    on_task("judge", len(tasks), known)
    return known


async def _as_author(member: Seat, field: Field, task: KnownTask, call: Call) -> tuple[bool | None, Usage]:
    """Whether its answer is right, `None` when the deadline cut it off; and what it cost."""
    written = await propose(member, field.template, {"task": task.task, "state": ""}, call, temperature=0.0, seed=1)
    if written.attempt.finish == "deadline":
        return None, written.attempt.usage
    return await task.truth(without_author(written.text)), written.attempt.usage


async def _as_judge(member: Seat, task: KnownTask, call: Call) -> Pairs:
    """What it gave the right and the wrong answer, in both orders."""
    pairs: list[tuple[float, float] | None] = []
    for is_right_first in _ORDERS:
        order = (task.right, task.wrong) if is_right_first else (task.wrong, task.right)
        texts = dict(zip(("C1", "C2"), order, strict=True))
        try:
            voted = await vote(member, task.task, "", texts, tuple(texts), call)
        except ModelError:
            pairs.append(None)
            continue
        of_right, of_wrong = ("C1", "C2") if is_right_first else ("C2", "C1")
        given = voted.ballot.credits
        pairs.append((given[of_right], given[of_wrong]) if voted.is_readable else None)
    return tuple(pairs)


async def _as_asked(member: Seat, task: KnownTask, call: Call) -> Chances | None:
    """Its probabilities of yes for the right and the wrong answer; `None` when the deadline came first."""
    try:
        (right, _), (wrong, _) = [await chance(member, task.task, answer, call) for answer in (task.right, task.wrong)]
    except ModelError:
        if anyio.current_time() >= call.deadline:
            return None
        raise
    return round(right, 6), round(wrong, 6)


def _with_outcome(known: Measured, name: str, right: bool, usage: Usage) -> Measured:
    outcomes = {**known.outcomes, name: right}
    return replace(
        known,
        generator=GeneratorRecord(sum(outcomes.values()), len(outcomes)),
        outcomes=MappingProxyType(outcomes),
        read_rate=_rate(usage.prompt_tokens - usage.cached_tokens, usage.read_seconds) or known.read_rate,
        write_rate=_rate(usage.completion_tokens, usage.write_seconds) or known.write_rate,
    )


def _with_verdicts(known: Measured, name: str, pairs: Pairs) -> Measured:
    verdicts = MappingProxyType({**known.verdicts, name: pairs})
    return replace(known, voter=counted(known.voter, pairs), verdicts=verdicts)


def counted(record: VoterRecord, credits: Sequence[tuple[float, float] | None]) -> VoterRecord:
    """Add what a judge gave a right and a wrong answer in two orders; `None` for a ballot that could not be read.

    A verdict is the sign of the credits, so giving none is no verdict. Unread ballots count against being readable only.
    """
    read = [pair for pair in credits if pair is not None]
    both = len(read) == 2
    same = [_sign(a) == _sign(b) for a, b in zip(*read, strict=True)] if both else []
    return replace(
        record,
        true_positives=record.true_positives + sum(right > 0 for right, _ in read),
        positives=record.positives + len(read),
        true_negatives=record.true_negatives + sum(wrong < 0 for _, wrong in read),
        negatives=record.negatives + len(read),
        steady=record.steady + sum(same),
        turned=record.turned + len(same),
        parsed=record.parsed + len(read),
        asked=record.asked + len(credits),
    )


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _rate(tokens: int, seconds: float) -> float:
    return tokens / seconds if seconds > 0 else 0.0
