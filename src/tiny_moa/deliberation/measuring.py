"""Measures models as authors and as judges on tasks whose truth is known, so that a meeting may believe them or not."""

from __future__ import annotations

import tomllib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from types import MappingProxyType

from tiny_moa.deliberation.anonymity import without_author
from tiny_moa.deliberation.calibration import Measured
from tiny_moa.deliberation.fields import Field
from tiny_moa.deliberation.panel import Seat, propose, vote
from tiny_moa.deliberation.voters import GeneratorRecord, VoterRecord
from tiny_moa.errors import ModelError
from tiny_moa.experts.base import Call
from tiny_moa.models.runtime import Usage

Truth = Callable[[str], Awaitable[bool]]
"""Says whether an answer is right, by running or computing it."""
OnTask = Callable[[str, int, int], None]
"""Hears which part of the measurement goes on, how many tasks of it are done, and how many there are."""


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


async def measure(member: Seat, field: Field, tasks: Sequence[KnownTask], call: Call, on_task: OnTask) -> Measured:
    """Measure one model as an author, then as a judge; a deadline of the call ends it with what was counted by then.

    As a judge it is shown a right and a wrong answer of each task, in both orders, as a meeting would show them.

    Raises:
        ModelError: The model cannot work at all.
    """
    generator, outcomes, usage = await _as_author(member, field, tasks, call, on_task)
    voter = await _as_judge(member, field, tasks, call, on_task)
    return Measured(
        generator, voter, _rate(usage.prompt_tokens - usage.cached_tokens, usage.read_seconds),
        _rate(usage.completion_tokens, usage.write_seconds), MappingProxyType(outcomes),
    )  # fmt: skip


async def _as_author(
    member: Seat, field: Field, tasks: Sequence[KnownTask], call: Call, on_task: OnTask
) -> tuple[GeneratorRecord, dict[str, bool], Usage]:
    outcomes: dict[str, bool] = {}
    usage = Usage()
    for done, known in enumerate(tasks):
        on_task("author", done, len(tasks))
        written = await propose(member, field.template, {"task": known.task, "state": ""}, call, temperature=0.0, seed=1)
        usage += written.attempt.usage
        if written.attempt.finish == "deadline":
            break
        outcomes[known.name] = await known.truth(without_author(written.text))
    return GeneratorRecord(sum(outcomes.values()), len(outcomes)), outcomes, usage


async def _as_judge(member: Seat, field: Field, tasks: Sequence[KnownTask], call: Call, on_task: OnTask) -> VoterRecord:
    record = VoterRecord()
    for done, known in enumerate(tasks):
        on_task("judge", done, len(tasks))
        credits: list[tuple[float, float] | None] = []
        for order in ((known.right, known.wrong), (known.wrong, known.right)):
            texts = dict(zip(("C1", "C2"), order, strict=True))
            try:
                voted = await vote(member, known.task, "", texts, tuple(texts), call)
            except ModelError:
                credits.append(None)
                continue
            given = voted.ballot.credits
            of_right, of_wrong = ("C1", "C2") if order[0] == known.right else ("C2", "C1")
            credits.append((given[of_right], given[of_wrong]) if voted.is_readable else None)
        record = counted(record, credits)
    return record


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
