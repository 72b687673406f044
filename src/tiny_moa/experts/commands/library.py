"""Everything the Shell expert knows, read from its files once, and the candidates it gives for a request."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tiny_moa.experts.commands import find, lint, options_of, table
from tiny_moa.experts.commands.matching import Match, find_matches
from tiny_moa.experts.commands.tldr import read_tldr
from tiny_moa.experts.commands.words import is_about_a_shell, is_korean

_EXPLAIN_FIND = ("Finds what the request describes: {}", "요청한 조건에 맞는 것을 찾는다: {}")


@dataclass(frozen=True)
class Candidate:
    """A command that may be what a request asks for.

    Attributes:
        command: The command line.
        explanation: What it does, in the request's language.
        score: From 0 to 1, how much of the request it explains and the other way round.
        placeholders: What is still to be filled in.
        source: `table`, `find` or `tldr`.
        unread: Words of the request that it does not answer to.
        is_whole: Whether it answers to every word and nothing is left to fill.
    """

    command: str
    explanation: str
    score: float
    placeholders: tuple[str, ...] = ()
    source: Literal["table", "find", "tldr"] = "table"
    unread: tuple[str, ...] = ()
    is_whole: bool = False


@dataclass
class CommandLibrary:
    """The table, the sayings, and what is known of programs and their options."""

    commands: table.CommandTable
    sayings: find.Sayings
    programs: lint.Programs
    shipped: dict[str, frozenset[str]]
    _options: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)

    def candidates(self, request: str, *, most: int = 5) -> tuple[Candidate, ...]:
        """Give the likeliest commands for a request, the best first; no command twice."""
        found = [_of_match(match, request) for match in find_matches(request, self.commands, most=most)]
        plan = find.compose_find(request, self.sayings)
        if plan is not None:
            explanation = _EXPLAIN_FIND[is_korean(request)].format(plan.command)
            found.append(Candidate(plan.command, explanation, plan.score, (), "find", plan.unread, not plan.unread))
        best: dict[str, Candidate] = {}
        for candidate in sorted(found, key=lambda candidate: -candidate.score):
            best.setdefault(candidate.command, candidate)
        return tuple(best.values())[:most]

    def is_about_a_shell(self, request: str) -> bool:
        """Tell whether a request names something that a shell works on."""
        return is_about_a_shell(request, self.commands.lexicon)

    def review(self, command: str) -> lint.Review:
        """Look a command over."""
        return lint.review_command(command, self.programs, self.options)

    def options(self, program: str, subcommand: str) -> frozenset[str]:
        """Give the options of a program: the shipped table first, else its manual page; remembered."""
        key = (program, subcommand)
        if key not in self._options:
            self._options[key] = options_of.merge(self.shipped, program, subcommand)
        return self._options[key]


def _of_match(match: Match, request: str) -> Candidate:
    explanation = table.explain(match.task, request, match.values)
    source: Literal["table", "tldr"] = "tldr" if match.task.source == "tldr" else "table"
    return Candidate(match.command, explanation, min(match.score, 1.02), match.placeholders, source, match.unread, match.is_whole)


def load_library(tldr: Path | None = None) -> CommandLibrary:
    """Read everything; takes about a second.

    Args:
        tldr: The `pages` folder of a tldr-pages checkout, for further candidates.
    """
    extra = read_tldr(tldr) if tldr else ()
    return CommandLibrary(table.load_table(extra=extra), find.load_sayings(), lint.load_programs(), options_of.load_options())
