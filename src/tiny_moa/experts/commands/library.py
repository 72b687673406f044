"""Everything the Shell expert knows, read from its files once, and the candidates it gives for a request."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from tiny_moa.experts.commands import find, lint, options_of, table, tails
from tiny_moa.experts.commands.matching import Match, find_matches
from tiny_moa.experts.commands.tldr import read_tldr
from tiny_moa.experts.commands.words import is_about_a_shell, is_grounded, is_korean

_WITH_A_TAIL = 0.985
"""A command put together from two parts counts a little less than one that answers to the whole request."""
_LEAST_TO_GO_ON = 0.7
_ENDED = re.compile(r"[>&]\s*\S*$|\bwc -l$|-delete\b")
"""Commands that nothing is written behind: they have an end already, or delete."""
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
    endings: tuple[tails.Tail, ...]
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
        found.extend(self._with_tails(request))
        best: dict[str, Candidate] = {}
        for candidate in sorted(found, key=lambda candidate: -candidate.score):
            best.setdefault(candidate.command, candidate)
        return tuple(best.values())[:most]

    def _with_tails(self, request: str) -> list[Candidate]:
        """Give the commands for a request without its tail, with the tail written behind them."""
        found = []
        for cut in tails.cut_tails(request, self.endings, self.sayings.numbers):
            said = cut.korean if is_korean(request) else cut.english
            for base in self.candidates(cut.rest, most=2):
                if base.score >= _LEAST_TO_GO_ON and (cut.is_before or self._goes_on(base.command)):
                    command, explanation = cut.added_to(base.command), f"{base.explanation} {said}"
                    score = base.score * _WITH_A_TAIL
                    found.append(replace(base, command=command, explanation=explanation, score=score))
        return found

    def _goes_on(self, command: str) -> bool:
        """Tell whether something may be written behind a command: it only reads, and its output is not used up."""
        return not _ENDED.search(command) and self.review(command).risk == "reads"

    def is_about_a_shell(self, request: str) -> bool:
        """Tell whether a request names something that a shell works on."""
        return is_about_a_shell(request, self.commands.lexicon)

    def is_grounded(self, request: str) -> bool:
        """Tell whether a request has a path, a pattern, an address or a size."""
        return is_grounded(request, self.commands.lexicon)

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
    sayings = find.load_sayings()
    endings = tails.load_tails(sayings.numbers)
    return CommandLibrary(table.load_table(extra=extra), sayings, endings, lint.load_programs(), options_of.load_options())
