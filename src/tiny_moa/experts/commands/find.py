"""Composes `find` commands from what a request says about files: type, name, size, age, depth, owner, permission, action.

The sayings are data (find_rules.toml). Each rule takes its words out of the request; what no rule took lowers the score.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tiny_moa.experts.commands.find_line import Reading, write_find
from tiny_moa.experts.commands.literals import Kind, Literal, split_literals
from tiny_moa.experts.commands.marks import Marks, load_marks, mark_places
from tiny_moa.experts.commands.quoting import quote
from tiny_moa.experts.commands.words import load_numbers

FILE = Path(__file__).with_name("find_rules.toml")

_LETTERS: Mapping[Kind, str] = {
    "quoted": "Q",
    "url": "U",
    "host": "H",
    "date": "D",
    "glob": "G",
    "path": "P",
    "extension": "E",
    "mode": "M",
    "number": "N",
    "size": "S",
    "word": "W",
    "variable": "V",
    "stdin": "I",
    "charset": "C",
}
"""The letter of each kind of literal in its mark, such as ⟦P0⟧, and L for a place phrase; rules match the marked text."""
_TIME_OR_COUNT = "minute|hour|day|week|month|year|link|line|level|분|시간|일|주|개월|달|년|줄"
_PARTS = {
    "<l>": "⟦[A-KM-Z]\\d+⟧",
    "<p>": "⟦[LPQVW]\\d+⟧",
    "<n>": "⟦N\\d+⟧",
    "<s>": f"⟦[SN]\\d+⟧(?!\\s?(?:{_TIME_OR_COUNT}))",
    "<m>": "⟦[NM]\\d+⟧",
    "<d>": "⟦D\\d+⟧",
    "<w>": "[A-Za-z0-9][A-Za-z0-9_.-]*",
    "<t>": "(?:⟦[A-KM-Z]\\d+⟧|[A-Za-z0-9][A-Za-z0-9_.-]*)",
}
_MINUTES = {"min": 1, "분": 1, "hou": 60, "시간": 60}
_DAYS = {"day": 1, "일": 1, "wee": 7, "주": 7, "주일": 7, "mon": 30, "개월": 30, "달": 30, "yea": 365, "년": 365}
_DOTFILES = frozenset(
    [
        ".bashrc",
        ".profile",
        ".bash_profile",
        ".bash_history",
        ".gitignore",
        ".vimrc",
        ".zshrc",
        ".htaccess",
        ".git",
        ".ssh",
        ".npmrc",
    ]
)
_ASKS = re.compile(r"\b(?:find|search|locate|look for)\b|찾|검색", re.IGNORECASE)


@dataclass(frozen=True)
class Rule:
    """One saying: what kind of part it gives, the part, and the patterns of both languages."""

    kind: str
    gives: str
    says: tuple[re.Pattern[str], ...]


@dataclass(frozen=True)
class Plan:
    """A composed command.

    Attributes:
        command: The command line.
        score: From 0 to 1.
        unread: Words of the request that no rule took.
        parts: How many constraints and actions were read, the place to start not counted.
    """

    command: str
    score: float
    unread: tuple[str, ...]
    parts: int


@dataclass(frozen=True)
class Sayings:
    """All that find_rules.toml says.

    Attributes:
        rules: The sayings, in the order in which they take their words.
        extensions: Endings by the words that mean them, such as `python`.
        clocks: The letter of a clock of `find` by the beginning of the word that names it.
        objects: What is looked for, by the word for it; the first that is found counts.
        patterns: The remaining patterns, by name.
        numbers: The number of each number word.
        marks: What is rewritten before the rules read.
    """

    rules: tuple[Rule, ...]
    extensions: Mapping[str, str]
    clocks: Mapping[str, str]
    objects: Mapping[str, re.Pattern[str]]
    patterns: Mapping[str, re.Pattern[str]]
    numbers: Mapping[str, int]
    marks: Marks


def load_sayings(file: Path = FILE) -> Sayings:
    """Read the sayings."""
    table = tomllib.loads(file.read_text("utf-8"))
    rows = table["rule"]
    return Sayings(
        tuple(Rule(row["kind"], row["gives"], tuple(_pattern(text) for text in row["says"])) for row in rows),
        table["extensions"],
        table["clocks"],
        {kind: _pattern(text) for kind, text in table["objects"].items()},
        {name: _pattern(text) for name, text in table["patterns"].items()},
        load_numbers(),
        load_marks(),
    )


def _pattern(text: str) -> re.Pattern[str]:
    for name, part in _PARTS.items():
        text = re.sub(rf"(?<!\?P){name}", part.replace("\\", "\\\\"), text)
    return re.compile(text, re.IGNORECASE)


def compose_find(request: str, sayings: Sayings) -> Plan | None:
    """Compose the `find` command that a request asks for; `None` when it is not about finding files."""
    reading = _mark(request, sayings)
    _read_globs(reading, sayings)
    for rule in sayings.rules:
        if rule.kind == "start":
            _read_kind(reading, sayings)
        for pattern in rule.says:
            _apply(rule, pattern, reading, sayings)
    if "filesonly" in reading.flags:
        reading.kind = "f"
    unread = _unread(reading, sayings)
    parts = (
        len(reading.names) + len(reading.tests) + len(reading.actions) + bool(reading.depth) + (reading.kind in ("d", "f", "l"))
    )
    if (
        not reading.kind
        or not parts
        or (not _ASKS.search(request) and not reading.names and not reading.tests and reading.kind not in ("d", "f", "l"))
    ):
        return None
    is_sure = bool(_ASKS.search(request)) or bool(reading.tests) or parts > 2
    score = max(0.0, (1.02 if is_sure else 0.985) - 0.11 * len(unread))
    return Plan(write_find(reading), score, unread, parts)


def _mark(request: str, sayings: Sayings) -> Reading:
    literals: list[Literal] = []
    out = ""
    for piece in split_literals(mark_places(request, sayings.marks)):
        if piece.literal is None:
            out += piece.text
            continue
        value = piece.literal.value
        literal = Literal("path", value[1:]) if value.startswith("\x01") else piece.literal
        if value == "\x02":
            literal = Literal("stdin", "")
        letter = "L" if value.startswith("\x01") else _LETTERS[literal.kind]
        out += f"⟦{letter}{len(literals)}⟧"
        literals.append(literal)
    text = _byte_sizes(re.sub(r"\s+", " ", _count_words(out, literals, sayings)).strip(" .?!"), literals)
    text = sayings.patterns["bulk"].sub(r"find \2\3 and \1 them \4 \5", text)
    return Reading(text, literals, flags={"either"} if sayings.patterns["either"].search(text) else set())


def _count_words(text: str, literals: list[Literal], sayings: Sayings) -> str:
    """Read a number word before a unit as a number: "three levels", "two weeks"."""

    def put(match: re.Match[str]) -> str:
        literals.append(Literal("number", str(sayings.numbers[match[1].lower()])))
        return f"⟦N{len(literals) - 1}⟧ "

    words = "|".join(sayings.numbers)
    return re.sub(
        rf"(?<![\w가-힣])({words})[ -](?=(?:director(?:y|ies) )?(?:{_TIME_OR_COUNT}|gigabyte|megabyte|kilobyte|단계))",
        put,
        text,
        flags=re.IGNORECASE,
    )


def _byte_sizes(text: str, literals: list[Literal]) -> str:
    """Read a number of bytes as a size of `find`."""

    def put(match: re.Match[str]) -> str:
        literals.append(Literal("size", literals[int(match[1])].value + "c"))
        return f"⟦S{len(literals) - 1}⟧"

    return re.sub(r"⟦N(\d+)⟧\s?(?:bytes?\b|바이트)", put, text)


def _value(found: str, reading: Reading) -> str:
    marked = re.fullmatch(r"⟦[A-Z](\d+)⟧", found)
    return reading.literals[int(marked[1])].value if marked else found.rstrip(".")


def _read_globs(reading: Reading, sayings: Sayings) -> None:
    """Read patterns, endings and kinds that stand before the word "files": `*.txt files`, `.txt files`, `PHP files`."""

    def take(match: re.Match[str]) -> str:
        value = _value(match[1], reading)
        if not match[1].startswith("⟦G") and not re.fullmatch(r"\.\w[\w.]*", value):
            return match[0]
        reading.names.append("*" + value if re.fullmatch(r"\.[a-z0-9]\S*", value) and value not in _DOTFILES else value)
        return match[2]

    def take_kind(match: re.Match[str]) -> str:
        extension = sayings.extensions.get(match[1].lower())
        if extension is None:
            return match[0]
        reading.names.append(f"*.{extension}")
        return match[2]

    patterns = sayings.patterns
    reading.text = patterns["kind_bare"].sub(take_kind, reading.text)
    if not patterns["named_glob"].search(reading.text):
        reading.text = patterns["glob"].sub(take, reading.text)
    reading.text = patterns["ending"].sub(take, patterns["ending_list"].sub(take, reading.text))
    reading.text = patterns["kind_korean"].sub(take_kind, patterns["kind"].sub(take_kind, reading.text))


def _apply(rule: Rule, pattern: re.Pattern[str], reading: Reading, sayings: Sayings) -> None:
    for _ in range(3):
        match = pattern.search(reading.text)
        if (
            match is None
            or not match[0].strip()
            or (rule.kind == "depth" and reading.depth)
            or (rule.kind == "start" and _is_no_place(match, sayings))
        ):
            return
        groups = [group for group in match.groups() if group is not None] if rule.kind != "time" else []
        values = [_value(group, reading) for group in groups]
        _take(rule, match, values, reading, sayings)
        before, after = reading.text[: match.start()], reading.text[match.end() :]
        for mark in (group for group in match.groups() if group and group.startswith("⟦")):
            before, after = before.replace(mark, ""), after.replace(mark, "")
        reading.text = f"{before} {after}" if rule.kind == "flag" else f"{before} ; {after}"
        if rule.kind in ("action", "flag", "depth"):
            return


def _is_no_place(match: re.Match[str], sayings: Sayings) -> bool:
    value = next((group for group in match.groups() if group), "")
    return not value.startswith("⟦") and value.lower() in sayings.extensions


def _take(rule: Rule, match: re.Match[str], values: list[str], reading: Reading, sayings: Sayings) -> None:
    match rule.kind:
        case "time":
            reading.tests.append(_time_test(rule.gives, match, reading, sayings))
        case "name":
            reading.names.extend(_name(rule.gives, value) for value in values or [""])
        case "notname":
            reading.names.extend("!" + _name(rule.gives, value) for value in values)
        case "start":
            reading.starts.extend(values or [rule.gives])
        case "depth":
            reading.depth = rule.gives.replace("{1}", values[0]) if values else rule.gives
        case "flag":
            reading.flags.add(rule.gives)
        case "test":
            reading.tests.append(rule.gives.format("", *map(quote, values)))
        case _:
            reading.actions.append(rule.gives.format("", *map(quote, values)))


def _name(affix: str, value: str) -> str:
    if affix == "*.{}":
        return "*." + value.lstrip("*.")
    if affix == "{}" and re.fullmatch(r"\.[a-z0-9]+", value) and len(value) <= 5:
        return "*" + value
    return affix.format(value) if not (affix != "{}" and "*" in value) else value


def _time_test(sign: str, match: re.Match[str], reading: Reading, sayings: Sayings) -> str:
    found, unit = match["n"] or "1", match["unit"].lower()
    number = int(_value(found, reading)) if found.startswith("⟦") else 1
    clock = next((letter for word, letter in sayings.clocks.items() if (match["clock"] or "").lower().startswith(word)), "m")
    key = unit if not unit.isascii() else unit[:3]
    if key in _MINUTES:
        return f"-{clock}min {sign}{number * _MINUTES[key]}"
    return f"-{clock}time {sign}{number * _DAYS[key]}"


def _read_kind(reading: Reading, sayings: Sayings) -> None:
    """Read what is looked for: files, folders, links or all of them; places were not read yet, so their words are masked."""
    if reading.kind:
        return
    text = sayings.patterns["places"].sub("", reading.text)
    for kind, pattern in sayings.objects.items():
        if pattern.search(text):
            reading.kind = kind
            return
    reading.kind = "files" if reading.names or reading.tests else ""


def _unread(reading: Reading, sayings: Sayings) -> tuple[str, ...]:
    quiet, korean = sayings.patterns["quiet"], sayings.patterns["quiet_korean"]
    text = sayings.objects[reading.kind].sub(" ", reading.text) if reading.kind else reading.text
    text = re.sub(r"[(),;:/\"'`.?!-]", " ", quiet.sub(" ", text))
    words = [word for word in text.split() if not (re.search("[가-힣]", word) and korean.sub("", word) == "")]
    return tuple(dict.fromkeys(words))
