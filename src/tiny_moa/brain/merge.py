"""Several proposals as one answer: what a merge must keep, and the parts under headings when it does not; pure, asks no model.

Code never passes through the model that merges: each block is taken out, a mark stands in its place, and the block is put back
as it was.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from tiny_moa.experts.base import Proposal
from tiny_moa.experts.checks import Check

_BLOCK = re.compile(r"^[ \t]*(?P<fence>```|~~~).*?(?:^[ \t]*(?P=fence)[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_MARK = re.compile(r"\[\[\s*code\s+(?P<number>\d+)\s*\]\]", re.IGNORECASE)
_BLOCK_OR_MARK = re.compile(f"{_BLOCK.pattern}|(?i:{_MARK.pattern})", _BLOCK.flags)
_WORD = re.compile(r"[^\W\d_]{5,}|[가-힣]{2,}")
_LEAST_KEPT = 0.3
"""What part of an expert's telling words a merge must hold; ours, not measured."""
_FEWEST_WORDS = 4
"""Of fewer words nothing is asked."""
_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_CITATION = re.compile(
    r"(?:https?|doc|file)://[^\s<>\"'`)\]]+|\[\d+\]|(?<![\w/])[\w가-힣()-]+\.(?:pdf|docx|pptx|xlsx|html|csv|txt|md)\b"
)


def under_headings(proposals: Sequence[Proposal], titles: Mapping[str, str]) -> str:
    """Put proposals under headings, unchanged: the answer when joining them fails."""
    return "\n\n".join(f"## {titles.get(proposal.expert, proposal.expert)}\n\n{proposal.text}" for proposal in proposals)


def disagreements(proposals: Sequence[Proposal], titles: Mapping[str, str]) -> list[str]:
    """Say in one line that experts state different answers to the same thing; nothing when they agree or only one states one.

    Only answers that stand side by side as values are compared; a number in prose is not.
    """
    stated = {proposal.expert: str(proposal.fields["answer"]) for proposal in proposals if proposal.fields.get("answer")}
    if len(set(stated.values())) < 2:
        return []
    said = ", ".join(f"{titles.get(expert, expert)} says {answer}" for expert, answer in stated.items())
    return [f"The experts disagree: {said}."]


# -- code -------------------------------------------------------------------------------------------------------------


def code_blocks(text: str) -> tuple[str, ...]:
    """Give the fenced blocks of a text as they are, an unclosed last one included."""
    return tuple(match[0] for match in _BLOCK.finditer(text))


def hide_code(texts: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Put marks in the place of code blocks.

    Returns:
        The texts with marks `[[code N]]`, counted over all of them, and the blocks. Marks that a text already has lose
        their brackets: nobody but us says where a block goes.
    """
    blocks: list[str] = []

    def mark(match: re.Match[str]) -> str:
        if match["fence"] is None:
            return f"(code {match['number']})"
        blocks.append(match[0])
        return f"[[code {len(blocks)}]]"

    hidden = tuple(_BLOCK_OR_MARK.sub(mark, text) for text in texts)
    return hidden, tuple(blocks)


def show_code(text: str, blocks: Sequence[str]) -> str | None:
    """Put the blocks back, each on lines of its own; `None` when a mark is missing, doubled or unknown, or code was written."""
    marks = [int(number) for number in _MARK.findall(text)]
    if sorted(marks) != list(range(1, len(blocks) + 1)) or "```" in text or "~~~" in text:
        return None
    parts = re.split(r"\s*" + _MARK.pattern + r"[ \t]*\n?", text, flags=re.IGNORECASE)
    shown = parts[0]
    for number, after in zip(parts[1::2], parts[2::2], strict=True):
        shown += ("\n\n" if shown else "") + blocks[int(number) - 1] + ("\n" if after.strip() else "") + after
    return shown


# -- what a merge may say -----------------------------------------------------------------------------------------------


def numbers_of(text: str) -> frozenset[str]:
    """Give the numbers of a text, without thousands commas and in ASCII digits."""
    plain = "".join(str(unicodedata.digit(sign)) if sign.isdecimal() else sign for sign in text)
    return frozenset(number.replace(",", "") for number in _NUMBER.findall(plain))


def citations_of(text: str) -> frozenset[str]:
    """Give what a text refers to: addresses, document names, and numbers in square brackets."""
    return frozenset(citation.rstrip(".,;:!?") for citation in _CITATION.findall(text))


def check_sources(text: str, sources: Sequence[str]) -> tuple[Check, ...]:
    """Look whether every number, code and citation of a text stands in one of its sources.

    Args:
        text: What was made of the sources.
        sources: What it may be made of.

    Returns:
        Three checks: numbers, code, citations.
    """
    known = frozenset().union(*(numbers_of(source) for source in sources))
    cited = frozenset().union(*(citations_of(source) for source in sources))
    blocks = {block for source in sources for block in code_blocks(source)}
    code = [block for block in code_blocks(text) if block not in blocks]
    code += [inline for inline in _INLINE.findall(_BLOCK.sub("", text)) if not any(inline in source for source in sources)]
    return (
        _compared("numbers", sorted(numbers_of(text) - known)),
        _compared("code", [piece.strip()[:60] for piece in code]),
        _compared("citations", sorted(citations_of(text) - cited)),
    )


def _compared(what: str, strangers: Sequence[str]) -> Check:
    detail = f"in no expert's answer: {', '.join(strangers[:3])}" if strangers else ""
    return Check(what, "compared with the experts' answers", not strangers, detail)


def lost(text: str, proposals: Sequence[Proposal]) -> str:
    """Say what a merge left out that it must keep; empty when it kept all.

    That is all code, the answer of a verified proposal, and enough of the words of each of the others.
    """
    said = _telling_words(text)
    for proposal in proposals:
        words = _telling_words(proposal.text)
        if len(words) >= _FEWEST_WORDS and len(words & said) < len(words) * _LEAST_KEPT:
            return f"little of what {proposal.expert} wrote is in it"
        if any(block not in text for block in code_blocks(proposal.text)):
            return f"the code of {proposal.expert} is not in it"
        answer = str(proposal.fields.get("answer", ""))
        if proposal.status == "verified" and not numbers_of(answer or proposal.text) <= numbers_of(text):
            return f"the verified answer of {proposal.expert} is not in it"
    return ""


def _telling_words(text: str) -> frozenset[str]:
    """The words of a text that say something, without its code: long ones, and of Korean all."""
    return frozenset(word.lower() for word in _WORD.findall(_BLOCK.sub(" ", text)))


def merged(text: str, blocks: Sequence[str], proposals: Sequence[Proposal]) -> tuple[str, tuple[Check, ...], str]:
    """Judge what a model made of several proposals.

    Args:
        text: What it wrote, with marks in the place of code.
        blocks: The code, from `hide_code`.
        proposals: What it was made of.

    Returns:
        The answer with its code, what was checked, and what is wrong; the last is empty when the answer may be given.
    """
    shown = show_code(text, blocks)
    if shown is None:
        return text, (), "it does not keep every block of code in its place"
    checks = check_sources(shown, [proposal.text for proposal in proposals])
    wrong = next((f"it has {check.what} {check.detail}" for check in checks if not check.passed), "")
    return shown, checks, wrong or lost(shown, proposals)
