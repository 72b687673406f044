"""What belongs into a gap of some code, when a model wrote past its end; pure."""

from __future__ import annotations

from dataclasses import dataclass

from tiny_moa.experts.coding.source import parsed


@dataclass(frozen=True)
class Gap:
    """A gap: the code before it, the code behind it, and their language."""

    prefix: str
    suffix: str
    language: str

    def filled(self, middle: str) -> str:
        """Give the whole code with a middle in the gap."""
        return f"{self.prefix}{middle}{self.suffix}"


def trimmed_middle(middle: str, gap: Gap) -> str:
    """Cut a middle where it repeats the code behind the gap, and, for Python, where the whole no longer parses.

    The longest beginning, by lines, that makes the whole parse is kept; when none does, the middle stays as it is.
    """
    middle = _until_suffix(middle, gap.suffix)
    if gap.language != "python" or parsed(gap.filled(middle)):
        return middle
    lines = middle.splitlines(keepends=True)
    for count in range(len(lines), 0, -1):
        for part in ("".join(lines[:count]), "".join(lines[:count]).rstrip("\n"), "".join(lines[:count]) + "\n"):
            if part.strip() and parsed(gap.filled(part)):
                return part
    return middle


def _until_suffix(middle: str, suffix: str) -> str:
    """Cut before the first line of the code behind, when that line says enough to be told from others."""
    first = next((line for line in suffix.split("\n") if line.strip()), "")
    if len(first.strip()) < _TELLING_CHARS:
        return middle
    lines = middle.split("\n")
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() == first.rstrip():
            kept = "\n".join(lines[:number])
            return kept if suffix.startswith("\n") else kept + "\n"
    return middle


_TELLING_CHARS = 6
