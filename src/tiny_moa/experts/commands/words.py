"""Turns a request, English or Korean, into ideas and literals; the words themselves are data in words.toml. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from tiny_moa.experts.commands.literals import Literal, split_literals
from tiny_moa.experts.commands.marks import FILE, Marks, load_marks, mark_places

_HANGUL = re.compile(r"[가-힣]")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9'+-]*|[가-힣]+|\d+")
_UNITS = frozenset(
    ["line", "column", "word", "character", "byte", "minute", "second", "day", "week", "month", "year", "time", "level", "number"]
)
_ADJECTIVES = frozenset(
    ["all", "current", "recursive", "empty", "hidden", "running", "new", "recent", "unique", "duplicate", "same", "random"]
)
_VERB = re.compile(
    r"[가-힣]*(?:[어아해봐줘지고서게기는은던할될운켜워려쳐져춰눠둬놔혀]|려면|려고|니다|세요|어요|아요|싶다|거나|도록|니까|면서|래|까)$"
)
_ORDINALS = frozenset(["second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"])
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th)")
_GROUNDS = frozenset({"path", "glob", "extension", "host", "url", "size", "mode", "variable"})


@dataclass(frozen=True)
class Token:
    """One word of a request: an idea, a literal, or both.

    Attributes:
        idea: The idea it stands for; the word itself when it is in no vocabulary; empty for a bare literal.
        literal: What could fill a slot.
        role: For small words that say how a literal is used: `to`, `place`, `of`, `object`, `named`, `and`, `subject`.
        is_known: False for a word of no vocabulary.
    """

    idea: str = ""
    literal: Literal | None = None
    role: str = ""
    is_known: bool = True


@dataclass(frozen=True)
class Lexicon:
    """The vocabulary, ready for look-ups."""

    ideas: Mapping[str, str]
    korean: Mapping[str, str]
    ignored: frozenset[str]
    particles: Mapping[str, str]
    prepositions: Mapping[str, str]
    naming: tuple[frozenset[str], frozenset[str], frozenset[str]]
    numbers: Mapping[str, int]
    marks: Marks
    acronyms: frozenset[str]
    """Words that are written in capitals without being meant literally."""
    subjects: frozenset[str]
    """Ideas that a shell works on."""
    media: frozenset[str]
    """Endings of files whose content is no plain text, which a request may be about without a shell in mind."""
    seen: frozenset[str] = field(default_factory=frozenset)
    """Words of the table's own wordings, which are known although they stand for themselves."""


def load_numbers(file: Path = FILE) -> dict[str, int]:
    """Read the number words."""
    return dict(tomllib.loads(file.read_text("utf-8"))["numbers"])


def load_lexicon(file: Path = FILE) -> Lexicon:
    """Read the vocabulary."""
    table: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))
    ideas = {word: idea for idea, words in table["ideas"].items() for word in words.split()}
    naming = table["naming"]
    return Lexicon(
        ideas={word: idea for word, idea in ideas.items() if not _HANGUL.match(word)},
        korean={word: idea for word, idea in ideas.items() if _HANGUL.match(word)},
        ignored=_words(table["ignored"]["english"]) | _words(table["ignored"]["korean"]),
        particles=_roles(table["particles"]),
        prepositions=_roles(table["prepositions"]),
        naming=(_words(naming["before"]), _words(naming["after"]), _words(naming["korean"])),
        numbers=table["numbers"],
        marks=load_marks(file),
        acronyms=_words(table["acronyms"]["english"]),
        subjects=_words(table["subjects"]["ideas"]),
        media=_words(table["subjects"]["media"]),
    )


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _roles(table: Mapping[str, str]) -> dict[str, str]:
    return {word: role for role, words in table.items() for word in words.split()}


def is_korean(text: str) -> bool:
    """Tell whether a request is in Korean: any Hangul outside of quotes and paths."""
    return any(piece.literal is None and _HANGUL.search(piece.text) for piece in split_literals(text))


def stem(word: str) -> str:
    """Give a rough English stem: plural, -ing, -ed and -ly endings off, a doubled last letter made single."""
    for ending, least in (("'s", 1), ("ies", 3), ("ing", 3), ("ed", 3), ("ly", 4), ("s", 2)):
        if word.endswith(ending) and len(word) - len(ending) >= least and not word.endswith("ss"):
            cut = word[: -len(ending)] + ("y" if ending == "ies" else "")
            return cut[:-1] if ending in ("ing", "ed") and len(cut) > 3 and cut[-1] == cut[-2] and cut[-1] not in "ls" else cut
    return word


def read_tokens(text: str, lexicon: Lexicon) -> tuple[Token, ...]:
    """Read a request into tokens, in the order of its words."""
    marked = mark_places(text, lexicon.marks)
    tokens: list[Token] = []
    for piece in split_literals(marked):
        if piece.literal is not None:
            tokens.append(_marked(piece.literal))
            tokens.extend([Token("th")] if _ORDINAL.fullmatch(piece.text) else [])
            continue
        follows_literal = bool(tokens and tokens[-1].literal and piece.text[:1].strip())
        end = 0 if follows_literal else -1
        for match in _WORD.finditer(piece.text):
            tokens.extend(_read_word(match[0], lexicon, glued=match.start() == end))
            end = match.end() if match[0].isascii() else -1
    return tuple(_name_words(_number_words(_as_globs(tokens), lexicon), lexicon))


def is_about_a_shell(text: str, lexicon: Lexicon) -> bool:
    """Tell whether a request names what a shell works on: a path, a pattern, an address, a size, or one of the subjects."""
    tokens = read_tokens(text, lexicon)
    return any(token.idea in lexicon.subjects or _is_ground(token.literal, lexicon) for token in tokens)


def is_grounded(text: str, lexicon: Lexicon) -> bool:
    """Tell whether a request has a path, a pattern, an address or a size of its own, not only a place such as "home"."""
    literals = [token.literal for token in read_tokens(text, lexicon)]
    return any(_is_ground(literal, lexicon) for literal in literals if literal and not literal.is_optional)


def _is_ground(literal: Literal | None, lexicon: Lexicon) -> bool:
    if literal is None or literal.strength < 3 or literal.kind not in _GROUNDS:
        return False
    return literal.value.rpartition(".")[2].lower() not in lexicon.media


def _marked(literal: Literal) -> Token:
    if literal.value.startswith("\x01"):
        return Token("place" + literal.value[1:], Literal("path", literal.value[1:], is_optional=True))
    if literal.value == "\x02":
        return Token("stdin", Literal("stdin", "", is_optional=True))
    return Token("", literal)


def _read_word(word: str, lexicon: Lexicon, *, glued: bool) -> Iterable[Token]:
    if _HANGUL.match(word):
        return _read_korean(word, lexicon, glued=glued)
    return (_read_english(word, lexicon),)


def _read_english(word: str, lexicon: Lexicon) -> Token:
    lower = word.lower()
    if lower in lexicon.prepositions:
        return Token(role=lexicon.prepositions[lower], idea="called" if lower in ("called", "named") else "")
    literal = Literal("word", word, strength=1)
    if len(word) > 3 and word.isalpha() and word.isupper() and lower not in lexicon.acronyms:
        return Token("", Literal("word", word))
    for form in (lower, stem(lower), stem(lower) + "e"):
        if form in lexicon.ideas:
            return Token(lexicon.ideas[form], literal)
    if lower in lexicon.ignored:
        return Token(role="ignored", literal=literal)
    form = stem(lower)
    if form in lexicon.seen:
        return Token(form, literal)
    return Token(form, Literal("word", word, strength=2), is_known=False)


def _read_korean(word: str, lexicon: Lexicon, *, glued: bool) -> Iterable[Token]:
    if glued and (role := _particle(word, lexicon)):
        yield Token("th" if role[1] == "nth" else "", role=role[1])
        word = word[len(role[0]) :]
    if word in lexicon.ignored and word not in lexicon.korean:
        yield Token(role="ignored")
        return
    while word:
        found = next(
            (word[:n] for n in range(len(word), 0, -1) if word[:n] in lexicon.korean and (n > 1 or _may_be_short(word, lexicon))),
            "",
        )
        if found:
            yield Token(lexicon.korean[found])
            word = word[len(found) :]
            if word in lexicon.particles:
                yield Token(role=lexicon.particles[word])
                return
            if not _begins_with(word, lexicon.korean):
                return
        else:
            yield _unknown_korean(word, lexicon)
            return


def _begins_with(word: str, stems: Container[str]) -> bool:
    """Tell whether a word begins with one of some stems of two syllables or more."""
    return any(word[:length] in stems for length in range(2, len(word) + 1))


def _may_be_short(word: str, lexicon: Lexicon) -> bool:
    """A stem of one syllable counts only alone or with a particle after it: 줄 and 줄을, not 줄기."""
    return (
        len(word) == 1
        or word[1:] in lexicon.particles
        or word[1:] in ("어", "어줘", "고", "마다", "이나", "인지", "개인지", "개")
    )


def _particle(word: str, lexicon: Lexicon) -> tuple[str, str] | None:
    return next(
        ((word[:n], lexicon.particles[word[:n]]) for n in range(min(len(word), 4), 0, -1) if word[:n] in lexicon.particles), None
    )


def _unknown_korean(word: str, lexicon: Lexicon) -> Token:
    if word in lexicon.ignored or _begins_with(word, lexicon.ignored):
        return Token(role="ignored")
    if word in lexicon.particles:
        return Token(role=lexicon.particles[word])
    base = next((word[:-n] for n in (4, 3, 2, 1) if len(word) > n and word[-n:] in lexicon.particles), word)
    is_known = base in lexicon.seen
    return Token(base, Literal("word", base, strength=1 if is_known else 2), is_known=is_known)


def _number_words(tokens: list[Token], lexicon: Lexicon) -> list[Token]:
    """Read number words as numbers where something that is counted follows them."""
    out = list(tokens)
    for index, token in enumerate(tokens[:-1]):
        word = token.literal.value.lower() if token.literal else token.idea
        if (
            word in lexicon.numbers
            and _is_counted(word, tokens[index + 1])
            and not (index and tokens[index - 1].idea == "current")
        ):
            out[index] = Token("th" if word in _ORDINALS else "", Literal("number", str(lexicon.numbers[word])))
    return out


def _as_globs(tokens: list[Token]) -> list[Token]:
    """Read an ending before the word "files" as a pattern: ".txt files" are `*.txt`."""
    out = list(tokens)
    for index, (token, following) in enumerate(pairwise(tokens)):
        literal = token.literal
        if literal is None or following.idea != "file":
            continue
        if literal.kind == "extension" or (literal.kind == "quoted" and re.fullmatch(r"\.[a-z0-9]{1,5}", literal.value)):
            out[index] = Token("", Literal("glob", "*" + literal.value))
    return out


def _is_counted(word: str, following: Token) -> bool:
    """Tell whether a number word stands before what it counts: "one" and "second" mean other things too."""
    return word not in ("one", "second", "한") or following.idea in _UNITS


def _name_words(tokens: list[Token], lexicon: Lexicon) -> Iterable[Token]:
    """Mark plain words that stand where a name stands: "the directory NAME", "NAME이라는"."""
    before, after, korean = lexicon.naming
    kinds = {lexicon.ideas.get(word, word) for word in before | after} | {lexicon.korean.get(word, word) for word in korean}
    for index, token in enumerate(tokens):
        previous = tokens[index - 1] if index else Token()
        following = tokens[index + 1] if index + 1 < len(tokens) else Token()
        is_word = token.literal is not None and token.literal.kind == "word"
        is_sought = previous.role == "of" and index > 1 and tokens[index - 2].idea == "find"
        near = (
            is_sought
            or previous.idea in kinds | {"startswith", "endswith"}
            or following.idea in kinds
            or "named" in (previous.role, following.role)
            or following.role in ("object", "to")
        )
        near = near and not _describes(token)
        is_strong = token.literal is not None and token.literal.strength > 1 and not _is_korean_verb(token, following)
        if not is_word or is_strong or (near and not _is_korean_verb(token, following)):
            yield token
        else:
            yield Token(token.idea, None, token.role, token.is_known)


def _describes(token: Token) -> bool:
    """Tell whether a known word says of what kind something is, as in "the mounted volumes", and is no name of it."""
    literal = token.literal
    if literal is None or literal.strength > 1:
        return False
    return token.idea in _ADJECTIVES or re.search(r"[a-z](?:ed|ing)$", literal.value) is not None


def _is_korean_verb(token: Token, following: Token) -> bool:
    """Tell whether an unknown Korean word ends as verbs and adjectives do and nothing after it makes it a name."""
    word = token.literal.value if token.literal else ""
    return (
        _VERB.fullmatch(word) is not None
        and following.role not in ("object", "to", "named", "of", "place")
        and following.idea not in ("folder", "file")
    )
