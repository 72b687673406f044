"""Turns a request, English or Korean, into ideas and literals; the words themselves are data in words.toml. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tiny_moa.experts.commands.literals import Literal, split_literals

FILE = Path(__file__).with_name("words.toml")
_HANGUL = re.compile(r"[가-힣]")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9'+-]*|[가-힣]+|\d+")
_PAIR_WORDS = r"(files?|folders?|director(?:y|ies)|regular|normal|plain|lines?|words?|(?:sym)?links?|names?|paths?)"
_PAIR = re.compile(rf"\b{_PAIR_WORDS}/{_PAIR_WORDS}\b", re.IGNORECASE)
_ENDING = re.compile(
    r"\bfiles(?: that| which| whose names?)? (?:end(?:ing|s)? (?:in|with)|with (?:the )?extension)"
    r" [\"']?\*?\.?([a-z0-9]{1,5})[\"']?(?![\w.])",
    re.IGNORECASE,
)
_PHRASES = (
    (re.compile(r"\bline[- ]numbers?\b", re.IGNORECASE), "linenumber"),
    (re.compile(r"\b(?:begin|start)(?:s|ning|ing)? with\b", re.IGNORECASE), "startswith"),
    (re.compile(r"\bend(?:s|ing)? with\b", re.IGNORECASE), "endswith"),
)
_ENDING_KOREAN = re.compile(r"확장자가 \.?([A-Za-z0-9]{1,5})인 (?:모든 )?파일")
_STDIN = r"\b(?:from )?(?:the )?(?:standard input|stdin)\b|표준\s?입력(?:에서|을|으로)?"


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
    places: tuple[tuple[re.Pattern[str], str], ...]
    seen: frozenset[str] = field(default_factory=frozenset)
    """Words of the table's own wordings, which are known although they stand for themselves."""


def load_places(file: Path = FILE) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Read the phrases that name a place, such as "the current folder", each with the path it means."""
    table = tomllib.loads(file.read_text("utf-8"))["places"]
    return tuple((re.compile(pattern, re.IGNORECASE), path) for path, pattern in table.items())


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
        places=load_places(file),
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
    marked = mark_places(text, lexicon.places)
    tokens: list[Token] = []
    for piece in split_literals(marked):
        if piece.literal is not None:
            tokens.append(_marked(piece.literal))
            continue
        follows_literal = bool(tokens and tokens[-1].literal and piece.text[:1].strip())
        end = 0 if follows_literal else -1
        for match in _WORD.finditer(piece.text):
            tokens.extend(_read_word(match[0], lexicon, glued=match.start() == end))
            end = match.end() if match[0].isascii() else -1
    return tuple(_name_words(_number_words(tokens, lexicon), lexicon))


def mark_places(text: str, places: Sequence[tuple[re.Pattern[str], str]]) -> str:
    """Put place phrases such as "the current folder" into quotes of our own, so that they are read as literals.

    Also reads "files ending in .txt" as `*.txt` files and "files/folders" as two words, which look like one path.
    """
    for pattern, word in _PHRASES:
        text = pattern.sub(word, text)
    text = _PAIR.sub(r"\1 and \2", text)
    text = _ENDING.sub(r"*.\1 files", _ENDING_KOREAN.sub(r"*.\1 파일", text))
    pieces = []
    for piece in split_literals(text):
        part = piece.text
        if piece.literal is None:
            for pattern, value in places:
                part = pattern.sub(f" “\x01{value}”", part)
            part = re.sub(_STDIN, " “\x02”", part, flags=re.IGNORECASE)
        pieces.append(part)
    return "".join(pieces)


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
        yield Token(role=role[1])
        word = word[len(role[0]) :]
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
            if not any(word.startswith(stem) for stem in lexicon.korean if len(stem) > 1):
                return
        else:
            yield _unknown_korean(word, lexicon)
            return


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
    if word in lexicon.ignored or any(word.startswith(short) for short in lexicon.ignored if len(short) > 1):
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
        if word in lexicon.numbers and (word != "second" or tokens[index + 1].idea in ("column", "line", "word")):
            out[index] = Token("", Literal("number", str(lexicon.numbers[word])))
    return out


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
        if not is_word or near or (token.literal and token.literal.strength > 1):
            yield token
        else:
            yield Token(token.idea, None, token.role, token.is_known)
