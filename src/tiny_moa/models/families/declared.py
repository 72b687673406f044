"""The grammar of FunctionGemma's calls: `call:name{key:<escape>text<escape>,n:3,list:[...],inner:{...}}`; pure.

The `<escape>` marks may be lost on the way, as special tokens are when they are made text. Then a text ends at the closing
bracket, or at a comma behind which the next key stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tiny_moa.models.families.declarations import ESCAPE

_HEAD = re.compile(r"\s*call:\s*([A-Za-z_][\w.-]*)\s*(?=\{)")
_KEY = re.compile(r"\s*(?:<escape>)?([A-Za-z_][\w.-]*)(?:<escape>)?\s*:\s*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.\d{1,17})?(?:[eE][+-]?\d{1,2})?")
_WORDS = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
_DEPTH = 32


class CallText:
    """A text that is read from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def calls(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Give each call's name and arguments; what follows the last call is not looked at.

        Raises:
            ValueError: There is none, or one is not whole.
        """
        head = _HEAD.match(self._text)
        if head is None:
            raise ValueError("no call:name{")
        while head is not None:
            self._at = head.end()
            yield head[1], self._object(_DEPTH)
            self._skip(",; \n\r\t")
            head = _HEAD.match(self._text, self._at)

    def _object(self, depth: int) -> dict[str, Any]:
        self._expect("{")
        found: dict[str, Any] = {}
        self._skip(" \n\r\t")
        while not self._took("}"):
            key = _KEY.match(self._text, self._at)
            if key is None or not depth:
                raise ValueError(f"no key at {self._at}")
            self._at = key.end()
            found[key[1]] = self._value(depth - 1, r"\s*(?:,?\s*\}|,\s*(?:<escape>)?[A-Za-z_][\w.-]*(?:<escape>)?\s*:)")
            self._between("}")
        return found

    def _list(self, depth: int) -> list[Any]:
        self._expect("[")
        found: list[Any] = []
        self._skip(" \n\r\t")
        while not self._took("]"):
            if not depth:
                raise ValueError("nested too deeply")
            found.append(self._value(depth - 1, r"\s*[\],]"))
            self._between("]")
        return found

    def _between(self, closer: str) -> None:
        self._skip(" \n\r\t")
        if self._took(","):
            self._skip(" \n\r\t")
        elif not self._text.startswith(closer, self._at):
            raise ValueError(f"no {closer!r} at {self._at}")

    def _value(self, depth: int, end: str) -> Any:
        if self._took(ESCAPE):
            closed = self._text.find(ESCAPE, self._at)
            if closed < 0:
                raise ValueError("a text is not closed")
            value, self._at = self._text[self._at : closed], closed + len(ESCAPE)
            return value
        if self._text.startswith("{", self._at):
            return self._object(depth)
        if self._text.startswith("[", self._at):
            return self._list(depth)
        found = re.compile(end).search(self._text, self._at)
        if found is None:
            raise ValueError("a value is not closed")
        word, self._at = self._text[self._at : found.start()], found.start()
        return _plain_value(word.strip())

    def _skip(self, signs: str) -> None:
        while self._at < len(self._text) and self._text[self._at] in signs:
            self._at += 1

    def _took(self, mark: str) -> bool:
        is_there = self._text.startswith(mark, self._at)
        self._at += len(mark) if is_there else 0
        return is_there

    def _expect(self, mark: str) -> None:
        if not self._took(mark):
            raise ValueError(f"no {mark!r} at {self._at}")


def _plain_value(word: str) -> Any:
    if word in _WORDS:
        return _WORDS[word]
    if _NUMBER.fullmatch(word):
        return float(word) if re.search(r"[.eE]", word) else int(word)
    if len(word) > 1 and word[0] == word[-1] and word[0] in "'\"":
        return word[1:-1]
    if not word:
        raise ValueError("an empty value")
    return word
