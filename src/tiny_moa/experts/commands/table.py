"""The command table: everyday tasks in both languages, each with a command to fill; read from the TOML files beside it."""

from __future__ import annotations

import math
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tiny_moa.experts.commands.quoting import SLOT
from tiny_moa.experts.commands.words import Lexicon, Token, is_korean, load_lexicon, read_tokens

FOLDER = Path(__file__).parent
Row = Mapping[str, Any]
"""One `[[task]]` of the table."""
_HERE = ("the current folder", "현재 폴더")
_LIGHT = 0.35
"""The least weight of an idea: nearly every wording says "show" or "file"."""


@dataclass(frozen=True)
class Wording:
    """One way to ask for a task.

    Attributes:
        text: As it is in the table, with slots in braces.
        tokens: Its ideas, with slots as literals whose value is the slot's name.
        ideas: The same as a bag.
        slots: Its slots with the small words before and after each, in order.
    """

    text: str
    tokens: tuple[Token, ...]
    ideas: Counter[str]
    slots: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Option:
    """Something a request may add to a task: a flag and the ideas that ask for it; its slot takes the nearest literal."""

    flag: str
    ideas: tuple[frozenset[str], ...]
    slot: str = ""


@dataclass(frozen=True)
class CommandTask:
    """One everyday task.

    Attributes:
        run: The command template; see `quoting.fill`. `[]` marks where options go, after the program when there is none.
        wordings: Ways to ask for it; the first of each language is also its explanation.
        options: What a request may add.
        only: A pattern that one of the values must have, such as the ending of an archive.
        source: `table`, or where else it is from.
    """

    run: str
    english: str
    korean: str
    wordings: tuple[Wording, ...]
    options: tuple[Option, ...] = ()
    only: str = ""
    source: str = "table"

    @property
    def defaults(self) -> frozenset[str]:
        """The slots that need no value."""
        return frozenset(m["name"] for m in SLOT.finditer(self.run) if m["default"] is not None or m["maybe"])

    @property
    def many(self) -> frozenset[str]:
        """The slots that take one value or more."""
        return frozenset(match["name"] for match in SLOT.finditer(self.run) if match["many"])


@dataclass(frozen=True)
class CommandTable:
    """All tasks, the vocabulary, and how much each idea says."""

    tasks: tuple[CommandTask, ...]
    lexicon: Lexicon
    weights: Mapping[str, float]

    def weight(self, idea: str) -> float:
        """Give the weight of an idea; a word of no wording weighs most, less in Korean, where it may be a verb like any other."""
        return self.weights.get(idea, 2.0 if idea.isascii() else 1.2)


def load_table(folder: Path = FOLDER, extra: Iterable[Row] = ()) -> CommandTable:
    """Read the table and add further rows to it, such as those of tldr pages."""
    lexicon = load_lexicon(folder / "words.toml")
    rows = [row for file in sorted(folder.glob("tasks_*.toml")) for row in tomllib.loads(file.read_text("utf-8"))["task"]]
    rows.extend(extra)
    shared = tomllib.loads((folder / "options_said.toml").read_text("utf-8"))["said"]
    texts = [text for row in rows for text in (*row["en"], *row["ko"])]
    lexicon = replace(lexicon, seen=_seen(texts, lexicon))
    said = {name: tuple(_ideas(way, lexicon) for way in ways) for name, ways in shared.items()}
    tasks = [_task(row, said, lexicon) for row in rows]
    return CommandTable(tuple(tasks), lexicon, _weights(tasks))


def _seen(texts: Sequence[str], lexicon: Lexicon) -> frozenset[str]:
    tokens = (token for text in texts for token in read_tokens(_as_quotes(text), lexicon))
    return frozenset(token.idea for token in tokens if token.idea and not token.is_known)


def _as_quotes(text: str) -> str:
    return SLOT.sub(lambda match: f"“\x03{match['name']}”", text)


def read_wording(text: str, lexicon: Lexicon) -> Wording:
    """Read one wording with its slots."""
    tokens = read_tokens(_as_quotes(text), lexicon)
    slots = tuple(
        (token.literal.value[1:], *neighbours(tokens, index))
        for index, token in enumerate(tokens)
        if token.literal and token.literal.value.startswith("\x03")
    )
    return Wording(text, tokens, Counter(token.idea for token in tokens if token.idea), slots)


def neighbours(tokens: Sequence[Token], index: int) -> tuple[str, str]:
    """Give the ideas or roles of the words before and after a token; ignored words are passed over, literals are not."""
    names = [_name_of(token) for token in tokens]
    before = next((names[i] for i in range(index - 1, -1, -1) if names[i]), "")
    after = next((names[i] for i in range(index + 1, len(tokens)) if names[i]), "")
    return before, after


def _name_of(token: Token) -> str:
    if token.role == "ignored":
        return ""
    return token.role or token.idea or ("literal" if token.literal else "")


def _ideas(text: str, lexicon: Lexicon) -> frozenset[str]:
    return frozenset(token.idea for token in read_tokens(text, lexicon) if token.idea)


def _task(row: Row, said: Mapping[str, tuple[frozenset[str], ...]], lexicon: Lexicon) -> CommandTask:
    wordings = tuple(read_wording(text, lexicon) for text in (*row["en"], *row["ko"]))
    options = tuple(_option(text, said) for text in row.get("with", ()))
    return CommandTask(
        str(row["run"]),
        row["en"][0],
        row["ko"][0] if row["ko"] else "",
        wordings,
        options,
        str(row.get("only", "")),
        str(row.get("source", "table")),
    )


def _option(text: str, said: Mapping[str, tuple[frozenset[str], ...]]) -> Option:
    """Read `-r @recursive`, a flag with the name of its sayings."""
    flag, _, name = text.partition(" @")
    slot = SLOT.search(flag)
    return Option(flag, said[name], slot["name"] if slot else "")


def _weights(tasks: Sequence[CommandTask]) -> dict[str, float]:
    seen = Counter(idea for task in tasks for idea in {idea for wording in task.wordings for idea in wording.ideas})
    most = math.log(1 + len(tasks))
    return {idea: max(_LIGHT, 2.0 * math.log(1 + len(tasks) / n) / most) for idea, n in seen.items()}


def explain(task: CommandTask, request: str, values: Mapping[str, Sequence[tuple[str, str]]]) -> str:
    """Say in the request's language what a filled task does."""
    text = task.korean if is_korean(request) and task.korean else task.english

    here = _HERE[int(is_korean(request))]
    defaults = {match["name"]: match["default"] for match in SLOT.finditer(task.run) if match["default"] is not None}

    def put(match: re.Match[str]) -> str:
        name = match["name"]
        given = ", ".join(value for value, _ in values.get(name, ()))
        if given in ("", ".") and name in ("dir", "path") and (given or name in defaults):
            return here
        return given or defaults.get(name) or name.upper()

    filled = SLOT.sub(put, text)
    return filled[:1].upper() + filled[1:].rstrip(".") + "."
