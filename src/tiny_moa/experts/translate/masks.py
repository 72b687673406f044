"""Puts marks in the place of what must not be translated, puts it back, and looks whether all survived; pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_PROTECTED = re.compile(
    r"""
      ^```[^\n]*\n.*?^```[ \t]*$                       # a fenced block
    | ``[^`]+`` | `[^`\n]+`                            # code in a line
    | \b(?:https?|ftp)://[^\s<>"'가-힣]*[^\s<>"'가-힣.,;:!?)\]}]
    | \bwww\.[\w.-]+\.\w+
    | [\w.+-]+@[\w-]+\.[A-Za-z][\w.-]*\w
    | \{\{[^{}\n]*\}\} | \$?\{[A-Za-z0-9_.]*\} | %(?:\(\w+\))?[sdif](?![A-Za-z]) | </?[A-Za-z][\w-]*(?:\s[^<>\n]*)?/?>
    | (?<![\w/])(?:~|\.{1,2})?/[\w.-]+(?:/[\w.-]+)*/?  # a path
    | (?<![\w-])--?[A-Za-z][\w-]*(?==)?(?=\s|$)        # an option of a command
    | \b[A-Za-z]\w*\.(?:py|js|ts|java|c|cpp|h|rs|go|json|toml|yaml|yml|xml|html|css|md|txt|csv|pdf|sh|sql|gguf)\b
    | \b[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*\(\)            # f() and a.b()
    | \b[A-Za-z]+(?:_[A-Za-z0-9]+)+\b                  # snake_case
    | \b[a-z]+(?:[A-Z][a-z0-9]+)+\b                    # camelCase
    | \bv?\d+(?:\.\d+){2,}\b                           # a version
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL | re.ASCII,
)
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
_MARK = re.compile(r"\[\[\s*(\d+)\s*\]\]|【\s*(\d+)\s*】")


@dataclass(frozen=True)
class Masked:
    """A text with marks, and what they stand for, the first mark first.

    A text that holds such a mark itself is protected there too.
    """

    text: str
    parts: tuple[str, ...]

    def lost(self, translated: str) -> tuple[str, ...]:
        """Give the parts whose marks are not in a translation exactly once."""
        seen = Counter(int(found[1] or found[2]) for found in _MARK.finditer(translated) if len(found[0]) < 20)
        return tuple(part for number, part in enumerate(self.parts, start=1) if seen[number] != 1)

    def restore(self, translated: str) -> str:
        """Put the parts back in the place of their marks; a mark that stands for nothing is taken out."""
        return _MARK.sub(lambda found: self._part(int((found[1] or found[2])[:9])), translated)

    def _part(self, number: int) -> str:
        return self.parts[number - 1] if 0 < number <= len(self.parts) else ""


def mask(text: str, *, with_numbers: bool = False) -> Masked:
    """Protect code, links, addresses, placeholders and names in code style, and numbers too if wanted."""
    pattern = re.compile(
        f"{_MARK.pattern}|(?:{_PROTECTED.pattern})" + (f"|{_NUMBER.pattern}" if with_numbers else ""), _PROTECTED.flags
    )
    parts: list[str] = []

    def marked(found: re.Match[str]) -> str:
        parts.append(found[0])
        return f"[[{len(parts)}]]"

    return Masked(pattern.sub(marked, text), tuple(parts))


def plain(text: str) -> str:
    """Give a text without its marks: the part that is in a language."""
    return _MARK.sub(" ", text)


def lost_numbers(source: str, translated: str) -> tuple[str, ...]:
    """Give the numbers of a text that its translation lacks, by their digits; thousands commas do not matter."""
    there = Counter(_digits(translated))
    return tuple(number for number, count in Counter(_digits(source)).items() if there[number] < count)


def _digits(text: str) -> Sequence[str]:
    return [re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", number) for number in _NUMBER.findall(text)]
