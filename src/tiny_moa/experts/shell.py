"""The Shell expert: suggests one command line, says what it does and what it risks. Text only; nothing here runs it.

A table of tasks and a planner for `find` come first; when one of them answers to the whole request, no model is asked. Else a
model that is large enough may write a command of its own, with theirs before its eyes. Every command is parsed and its options
are looked up before it is shown.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from tiny_moa.catalog import ExpertSpec
from tiny_moa.experts import checks
from tiny_moa.experts.base import Abstention, Attempt, Call, Proposal, Status, Task, TemplatedModel, cut_note, status_of
from tiny_moa.experts.checks import Check
from tiny_moa.experts.commands.lint import Review, Risk

if TYPE_CHECKING:
    from tiny_moa.experts.commands.library import Candidate, CommandLibrary

_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "command": {"type": "string", "minLength": 1, "maxLength": 200},
        "explanation": {"type": "string", "maxLength": 300},
    },
    "required": ["command", "explanation"],
    "additionalProperties": False,
}
_SURE = 0.98
"""The score from which a candidate that answers to every word of the request is taken without a model."""
_LEAST = 0.7
"""Below this score a candidate shares too little with the request to be offered."""
_LEAST_GROUNDED = 0.55
"""The same where the request has a path, a pattern, an address or a size: it is hardly about anything but a shell."""
_LEAST_ELSEWHERE = 0.88
"""The same where the request names nothing that a shell works on: it may be a question, and its words no names."""
_RIVAL = 0.005
"""A whole candidate this close to the best could as well be what was meant."""
_WRITER_BYTES = 600_000_000
"""Smaller models are not asked: they write worse commands than the table, and choose no better among candidates close together.

Of 26 such choices SmolLM2 made 9 rightly and the table's order 20; of 25 Qwen2.5-Coder-0.5B made as many as the order, 19.
"""
_MOST_LETTERS = 2_000
_WARNINGS: dict[Risk, tuple[str, str]] = {
    "privileged": (
        "This command needs or changes administrator rights. Read it twice before you run it.",
        "관리자 권한이 필요하거나 권한을 바꾸는 명령입니다. 실행하기 전에 두 번 읽어 보세요.",
    ),
    "deletes": (
        "This command deletes. Read it twice before you run it.",
        "무언가를 지우는 명령입니다. 실행하기 전에 두 번 읽어 보세요.",
    ),
    "network": ("This command uses the network.", "네트워크를 쓰는 명령입니다."),
    "writes": ("This command changes files or processes.", "파일이나 프로세스를 바꾸는 명령입니다."),
    "unknown": ("This command names a program we do not know.", "저희가 모르는 프로그램이 들어 있는 명령입니다."),
}
_NOT_RUN = ("The command was not run.", "명령은 실행하지 않았습니다.")
_TO_FILL = ("Fill in: {}.", "채워 넣을 것: {}.")
_DANGER = ("Danger: {}.", "위험: {}.")


@dataclass(frozen=True)
class _Choice:
    """A command on its way to the reader."""

    command: str
    explanation: str
    candidate: Candidate | None
    attempts: tuple[Attempt, ...] = ()


class ShellExpert:
    """Turns a request into one command line and a sentence about it."""

    def __init__(self, spec: ExpertSpec, model: TemplatedModel, *, tldr: Path | None = None) -> None:
        """Take the model.

        Args:
            spec: Its table in the catalogue.
            model: Chooses where the table is not sure.
            tldr: The `pages` folder of a tldr-pages checkout, for further candidates.
        """
        self.spec = spec
        self._model = model
        self._tldr = tldr
        self._library: CommandLibrary | None = None
        self._reading = anyio.Lock()

    async def propose(self, task: Task, call: Call) -> Proposal | Abstention:
        """See `Expert.propose`."""
        request = task.text.strip()
        if len(request) > _MOST_LETTERS:
            found = f"the request has {len(request)} characters; a command is asked for in at most {_MOST_LETTERS}"
            return Abstention(self.spec.name, found)
        library = await self._read_library()
        candidates = await anyio.to_thread.run_sync(library.candidates, request)
        least = (
            _LEAST_GROUNDED if library.is_grounded(request) else _LEAST if library.is_about_a_shell(request) else _LEAST_ELSEWHERE
        )
        offered = tuple(candidate for candidate in candidates if candidate.score >= least)
        choice = await self._choose(task, request, offered, call)
        if isinstance(choice, Abstention):
            return choice
        review = await anyio.to_thread.run_sync(library.review, choice.command)
        return _proposal(self.spec.name, request, choice, review, offered)

    async def _read_library(self) -> CommandLibrary:
        from tiny_moa.experts.commands.library import load_library

        async with self._reading:
            if self._library is None:
                self._library = await anyio.to_thread.run_sync(load_library, self._tldr)
        return self._library

    async def _choose(
        self, task: Task, request: str, offered: Sequence[Candidate], call: Call
    ) -> _Choice | Abstention:  # fmt: skip
        spec = self._model.spec
        is_sure = bool(offered) and offered[0].is_whole and offered[0].score >= _SURE
        if not is_sure and (spec.bytes or spec.about_bytes or 0) >= _WRITER_BYTES:
            return await self._write(task, offered, call)
        if not offered:
            return Abstention(self.spec.name, "this does not read like a task for a shell: no command of the table is near it")
        return _Choice(offered[0].command, offered[0].explanation, offered[0])

    async def _write(self, task: Task, offered: Sequence[Candidate], call: Call) -> _Choice | Abstention:
        """Have the model write a command with the three best candidates before its eyes."""
        listed = "\n".join(candidate.command for candidate in offered[:3]) or "(none)"
        completion, attempt = await self._model.write(
            self.spec.template, {"task": task.text, "candidates": listed}, call, schema=_SCHEMA
        )
        reply = checks.parse_json(completion.text, may_be_cut=True)
        command = str(reply.get("command", "")).strip() if isinstance(reply, dict) else ""
        if command:
            same = next((candidate for candidate in offered if _is_same(candidate.command, command)), None)
            return _Choice(command, str(reply.get("explanation", "")).strip(), same, (attempt,))
        if offered:
            return _Choice(offered[0].command, offered[0].explanation, offered[0], (attempt,))
        return Abstention(
            self.spec.name, "the command was cut off before it was complete; allow more tokens or seconds", (attempt,)
        )


def _proposal(name: str, request: str, choice: _Choice, review: Review, offered: Sequence[Candidate]) -> Proposal:
    from tiny_moa.experts.commands.words import is_korean

    placeholders = choice.candidate.placeholders if choice.candidate else ()
    alternatives = [candidate.command for candidate in offered if not _is_same(candidate.command, choice.command)][:3]
    fields = {
        "command": choice.command,
        "argv": argv_of(choice.command, review),
        "explanation": choice.explanation,
        "alternatives": alternatives,
        "risk": review.risk,
        "placeholders": list(placeholders),
    }
    tongue = int(is_korean(request))
    notes = (_NOT_RUN[tongue], *(note for attempt in choice.attempts for note in cut_note(attempt)))
    found = (*review.checks, _match_check(choice, offered))
    status = _status(choice, found)
    return Proposal(name, _text(choice, review, placeholders, tongue), status, found, choice.attempts, fields, notes)


def _status(choice: _Choice, found: Sequence[Check]) -> Status:
    if all(check.passed for check in found):
        return "verified"
    return status_of(choice.attempts[-1]) if choice.attempts else "unverified"


def _match_check(choice: _Choice, offered: Sequence[Candidate]) -> Check:
    """Say whether the written table answers to the whole request, and nothing else does equally well."""
    how = "command table"
    candidate = choice.candidate
    if candidate is None:
        return Check("request", how, False, "a model wrote this command; the table has none like it")
    if candidate.source == "tldr":
        return Check("request", how, False, "from the tldr pages, which are only candidates")
    if candidate.unread:
        return Check("request", how, False, f"not answered to: {', '.join(candidate.unread)}")
    if candidate.placeholders:
        return Check("request", how, False, f"to be filled in: {', '.join(candidate.placeholders)}")
    if not candidate.is_whole or candidate.score < _SURE:
        return Check("request", how, False, "the request does not say all that the command does")
    rivals = [other.command for other in offered if _rivals(other, candidate)]
    return Check("request", how, not rivals, f"as likely: {rivals[0]}" if rivals else "every word of the request is answered to")


def _rivals(other: Candidate, chosen: Candidate) -> bool:
    return other.is_whole and chosen.score - other.score < _RIVAL and not _is_same(other.command, chosen.command)


def _is_same(one: str, other: str) -> bool:
    """Tell whether two commands have the same words, in whatever order their options stand."""
    return _bag(one) == _bag(other)


def _bag(command: str) -> list[str]:
    words: list[str] = []
    for word in re.findall(r"'[^']*'|\S+", command):
        words.extend(f"-{letter}" for letter in word[1:]) if re.fullmatch(
            r"-[A-Za-z]+", word
        ) and "find" not in command else words.append(word)
    return sorted(set(words) - {"."})


def argv_of(command: str, review: Review) -> list[str] | None:
    """Give the arguments of a single simple command; `None` when a shell would still change them."""
    if not review.line.is_simple:
        return None
    argv = shlex.split(command)
    has_expansion = any(
        re.search(r"[*?\[{~]", word) and shlex.quote(word) not in command and not re.fullmatch(r"\{\}|;", word) for word in argv
    )
    return None if has_expansion else argv


def _text(choice: _Choice, review: Review, placeholders: Sequence[str], tongue: int) -> str:
    """Write what a person reads: dangers and risks first, then the command and what it does."""
    dangers = [_DANGER[tongue].format(check.detail) for check in review.checks if check.what == "danger" and not check.passed]
    warnings = [_WARNINGS[risk][tongue] for risk in review.risks if risk in _WARNINGS]
    filling = [_TO_FILL[tongue].format(", ".join(placeholders))] if placeholders else []
    return "\n".join((*dangers, *warnings, f"```sh\n{choice.command}\n```", choice.explanation, *filling)).strip()
