"""Reads what a request adds to a command: where the result goes, how it is ordered, how much of it is shown; pure.

The sayings are data (tails.toml). A tail is cut off; the rest of the request is for the table and the planner.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tiny_moa.experts.commands.quoting import quote_path

FILE = Path(__file__).with_name("tails.toml")
_WORD = r"(?:\"[^\"]+\"|\x27[^\x27]+\x27|[~\w./-]*[A-Za-z0-9_])"
_FEWEST_WORDS = 2
"""Fewer words before a tail are no request."""


@dataclass(frozen=True)
class Tail:
    """One way to go on behind a command.

    Attributes:
        adds: What is written, with the names of groups in braces.
        is_before: Whether it goes in front of the command.
        english: What it does, in one sentence with the same braces.
        korean: The same in Korean.
        says: The patterns of both languages.
    """

    adds: str
    is_before: bool
    english: str
    korean: str
    says: tuple[re.Pattern[str], ...]


@dataclass(frozen=True)
class Cut:
    """A request without its tail, and the tail with its words filled in."""

    rest: str
    adds: str
    is_before: bool
    english: str
    korean: str

    def added_to(self, command: str) -> str:
        """Write a command with the tail."""
        return self.adds + command if self.is_before else command + self.adds


def load_tails(numbers: Mapping[str, int], file: Path = FILE) -> tuple[Tail, ...]:
    """Read the sayings; `numbers` gives the number words."""
    number = rf"(?:\d+|{'|'.join(numbers)})"
    rows = tomllib.loads(file.read_text("utf-8"))["tail"]
    return tuple(
        Tail(
            row["adds"],
            row.get("where") == "before",
            row["en"],
            row["ko"],
            tuple(re.compile(_filled(text, number), re.IGNORECASE) for text in row["says"]),
        )
        for row in rows
    )


def _filled(pattern: str, number: str) -> str:
    return re.sub(r"(?<!\?P)<f>", lambda _: _WORD, re.sub(r"(?<!\?P)<n>", lambda _: number, pattern))


def cut_tails(request: str, tails: Sequence[Tail], numbers: Mapping[str, int]) -> tuple[Cut, ...]:
    """Give each tail that a request ends with, with the rest of the request; one of each kind at most."""
    text = re.sub(r"\s+", " ", request).strip().rstrip(".?!。 ")
    cuts = []
    for tail in tails:
        found = next((match for pattern in tail.says if (match := pattern.search(text))), None)
        if found is None:
            continue
        rest = f"{text[: found.start()]} {text[found.end() :]}".strip()
        if len(rest.split()) >= _FEWEST_WORDS:
            values = {name: _written(value, numbers) for name, value in found.groupdict().items() if value}
            adds, english, korean = (_put(part, values) for part in (tail.adds, tail.english, tail.korean))
            cuts.append(Cut(rest, adds, tail.is_before, english, korean))
    return tuple(cuts)


def _written(value: str, numbers: Mapping[str, int]) -> str:
    plain = value.strip("\"'")
    return str(numbers[plain.lower()]) if plain.lower() in numbers else quote_path(plain)


def _put(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), text)
