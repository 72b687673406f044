"""Reads what a request names literally: quoted text, paths, globs, numbers, sizes, addresses; pure, one regex at a time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal as OneOf

Kind = OneOf[
    "quoted", "url", "host", "date", "size", "variable", "glob", "path", "extension", "mode", "number", "word", "stdin", "charset"
]


@dataclass(frozen=True)
class Literal:
    """A piece of the request that goes into the command as it is.

    Attributes:
        kind: What it looks like.
        value: What goes into the command, before quoting.
        is_optional: Nothing is lost when no slot takes it, as with "the current folder".
        strength: 3 for what cannot be anything else, 2 for a word of no vocabulary, 1 for a known word in a naming place.
    """

    kind: Kind
    value: str
    is_optional: bool = False
    strength: int = 3


@dataclass(frozen=True)
class Piece:
    """A stretch of the request: a literal, or plain text to split into words."""

    text: str
    literal: Literal | None = None


_UNITS = r"(?i:[kmgt]i?b(?:ytes?)?|(?:kilo|mega|giga|tera)bytes?|[kmgt](?![a-z])|(?:킬로|메가|기가|테라)(?:바이트)?)"
_NAME = r"[\w가-힣.,@%+=:~-]"
_PATTERNS: tuple[tuple[str, str], ...] = (
    ("quoted", r"\"(?P<q1>[^\"\n]+)\"|“(?P<q2>[^”\n]+)”|(?<![\w가-힣])['‘`](?P<q3>[^'’`\n]+)['’`](?![A-Za-z0-9_])"),
    ("url", r"(?:https?|ftp|ssh|git|rsync)://[^\s\"'<>가-힣]+|git@[\w.-]+:[\w./~-]+"),
    ("host", r"\b[\w.-]+@[\w-]+(?:\.[\w-]+)*(?::[\w./~-]+)?|\b\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?(?![\w.]\d)"),
    ("date", r"\b\d{4}-\d{2}-\d{2}(?:[ T]\d{1,2}:\d{2}(?::\d{2})?)?|\b\d{1,2}:\d{2}(?::\d{2})?\b"),
    ("glob", r"(?<![\w가-힣])[\w./~{},\[\]-]*[*?][\w.*?/~{},\[\]-]*(?<![,?])|(?<!\S)[\w./~-]*\*[\w.*?/~-]*"),
    ("mode", r"(?<![\w-])[ugoa]*[+=-][rwxXst]+(?:,[ugoa]*[+=-][rwxXst]+)*(?![\w-])|(?<!\w)[r-][w-][x-](?:[r-][w-][x-]){2}(?!\w)"),
    ("variable", r"\$\{?\w+\}?"),
    ("path", rf"(?<![\w가-힣])(?:~|\.{{1,2}})?/(?:{_NAME}+/?)*(?:(?<=[\w~/가-힣+-])|(?<=\.\.))|(?<![\w])~(?=[\s,]|$)"),
    ("path", rf"(?<![\w가-힣])(?![\d.]+(?![\w.-])){_NAME}+(?:/{_NAME}+)+(?<![.,:])/?|(?<![\w가-힣])[\w.@-]+/(?=\s|$|[가-힣])"),
    (
        "path",
        r"(?<![\w가-힣.])(?![\d.]+[a-zA-Z]{0,2}\b)[\w가-힣-][\w가-힣+-]*(?:\.[\w-]+)*\.(?!\d+\b(?!\.))[A-Za-z0-9_-]{1,12}(?![\w.-])",
    ),
    ("extension", r"(?<![\w가-힣.])\.[A-Za-z][\w.]*(?<!\.)"),
    ("size", rf"(?<![\w.]){{0}}\b\d+(?:\.\d+)?\s?{_UNITS}(?![a-zA-Z])".replace("{0}", "")),
    ("number", r"(?<![\w.])[+-]?\d[\d,]*(?:\.\d+)?(?:st|nd|rd|th)?(?![\w.]*[A-Za-z_])"),
    ("word", r"(?<![\w-])(?!(?i:sha|ipv|base|x86|mp|md)-?\d)[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*-\d+(?![\w.-])"),
    ("charset", r"(?<![\w-])(?i:utf-?\d+|iso-?8859-\d+|latin-?\d|euc-kr|cp\d{3,4}|windows-\d{4})(?![\w.])"),
    (
        "word",
        r"(?<![\w])[A-Za-z0-9]+(?:[_-][A-Za-z0-9]+)*_[\w-]*\w|(?<![\w])(?!(?i:md5|sha\d+|base64|ipv[46]|ext[234]|bz2|bzip2|mp[34]|python[23])\b)[A-Za-z]+\d+(?![\w])|(?<![\w])[a-z]+[A-Z]\w*",
    ),
)
_PLAIN = re.compile(r"[A-Za-z가-힣\s,.()?!-]*")
_OWN = re.compile(r"(“[\x01-\x03][^”]*”)")
_PARTICLE = re.compile(
    r"(?<=[\w/~-])(?<![가-힣])(?:에서|에는|에|을|를|이|가|은|는|의|로|으로|와|과|도|만|까지|부터|이?라는|인|보다|안에|아래|밑)+$"
)
_SIZE = re.compile(r"([\d.]+)\s?(\S+)")
_KOREAN_UNITS = {"킬": "k", "메": "m", "기": "g", "테": "t"}


@cache
def _finder() -> re.Pattern[str]:
    """All patterns as one; to compile it takes longer than to start the rest of this module."""
    return re.compile("|".join(f"(?P<k{index}>{pattern})" for index, (_, pattern) in enumerate(_PATTERNS)), re.ASCII)


def split_literals(text: str) -> tuple[Piece, ...]:
    """Cut a request into literals and the plain text between them, in order; nothing is lost."""
    pieces: list[Piece] = []
    for part in _OWN.split(text):
        if part.startswith(("“\x01", "“\x02", "“\x03")):
            pieces.append(Piece(part, Literal("quoted", part[1:-1])))
        elif part:
            pieces.extend((Piece(part),) if _is_plain(part) else _split(part))
    return tuple(pieces)


def _is_plain(text: str) -> bool:
    """Tell without the many patterns that a text has no literal: most wordings of the table are such."""
    return _PLAIN.fullmatch(text) is not None and not re.search(r"\.\S|[a-z][A-Z]|\s[-.]", text)


def _split(text: str) -> Iterable[Piece]:
    pieces, position = [], 0
    for match in _finder().finditer(text):
        if match.start() > position:
            pieces.append(Piece(text[position : match.start()]))
        literal, particle = _literal(match), _PARTICLE.search(match[0])
        if particle and literal.kind == "path":
            literal = Literal("path", match[0][: particle.start()])
        pieces.append(Piece(match[0][: particle.start()] if particle and literal.kind == "path" else match[0], literal))
        position = match.start() + len(pieces[-1].text)
    if position < len(text):
        pieces.append(Piece(text[position:]))
    return pieces


def _literal(match: re.Match[str]) -> Literal:
    index = next(index for index in range(len(_PATTERNS)) if match[f"k{index}"] is not None)
    kind, text = _PATTERNS[index][0], match[0]
    if kind == "quoted":
        return Literal("quoted", match["q1"] or match["q2"] or match["q3"] or "")
    if kind == "size":
        return Literal("size", size_value(text))
    if kind == "number":
        return Literal("number", re.sub(r"(?:st|nd|rd|th)$|,(?=\d{3})", "", text).rstrip(","))
    kinds: dict[str, Kind] = {name: name for name, _ in _PATTERNS}  # type: ignore[misc]
    return Literal(kinds[kind], text)


def size_value(text: str) -> str:
    """Give a size as GNU utilities write it: `100 MB` is `100M`."""
    found = _SIZE.match(text)
    if found is None:
        return text
    unit = _KOREAN_UNITS.get(found[2][0], found[2][0].lower())
    return found[1] + {"k": "k", "m": "M", "g": "G", "t": "T"}.get(unit, "")
