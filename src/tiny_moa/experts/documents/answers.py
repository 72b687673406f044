"""Answers a question from passages in their own words, or says that they do not answer it; asks no model; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tiny_moa.experts.checks import Check
from tiny_moa.experts.documents.retrieval import Index, Passage
from tiny_moa.experts.documents.terms import content_terms, sentences_of, terms_of

LEAST_COVERAGE: Final = 0.62
"""A question whose words, by weight, are not held by a passage to this share is not answered from it."""
LEAST_SENTENCE_COVERAGE: Final = 0.25
MAX_QUOTE_CHARACTERS: Final = 600
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_ASKS_NUMBER = re.compile(r"\bhow (?:many|much|long|far|high|deep|wide|old|often|large|tall|heavy)\b|몇|얼마", re.IGNORECASE)
_ASKS_TIME = re.compile(r"\bwhen\b|\bwhat (?:time|day|date|year)\b|언제|몇 시|며칠", re.IGNORECASE)
_ASKS_MEASURE = re.compile(r"\bhow (?:far|high|deep|wide|tall|large|heavy)\b|높이|깊이|너비|무게|길이", re.IGNORECASE)
_MEASURE = re.compile(
    r"\d[\d.,]* ?(?:[mckµ]?m[²³]?|k?g|t|ft|in|l|ha|(?:kilo|centi|milli)?(?:metres?|meters?|grams?)|feet|foot"
    r"|inch(?:es)?|miles?|litres?|liters?|tonnes?|tons?|pounds?|acres?|hectares?|미터|킬로|센티|그램|톤|리터|평)",
    re.IGNORECASE,
)
_ASKS_WHO = re.compile(r"\bwho(?:m|se)?\b|누구|누가", re.IGNORECASE)
_NAME = re.compile(r"(?<=\S )[A-Z][\w'-]+|\b(?:Mrs?|Ms|Dr|Prof)\b\.?|[\uac00-\ud7a3]{2,}")
_TIME_WORDS = re.compile(
    r"\d|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day|\b(?:january|february|march|april|may|june|july|august|september|october"
    r"|november|december|spring|summer|autumn|winter|noon|midnight|morning|evening|daily|weekly)\b|[월화수목금토일]요일|봄|여름|가을|겨울|정오|자정|매일|매주|오전|오후|새벽|아침|저녁|밤|낮",
    re.IGNORECASE,
)
_NUMBER_WORDS = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|hundred|thousand|million"
    r"|once|twice|half|dozen|none|no)\b"
    r"|[한두세네] |다섯|여섯|일곱|여덟|아홉|열|스무|스물|서른|마흔|백|천|만|[일이삼사오육칠팔구십]+ ?[년월일개명권석]",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Citation:
    """Where an answer was found.

    Attributes:
        number: What the answer calls it, from 1 on.
        passage: The passage.
        quote: The words taken from it.
    """

    number: int
    passage: Passage
    quote: str

    def line(self) -> str:
        """Say where it is, such as `[1] report.pdf, page 3, Fees > Tugs`."""
        section = " > ".join(self.passage.chunk.section)
        return f"[{self.number}] {self.passage.ref.name}, page {self.passage.chunk.page}" + (f", {section}" if section else "")


@dataclass(frozen=True)
class Found:
    """An answer in the documents' words.

    Attributes:
        text: The words, each followed by the number of its citation.
        citations: Where they were found.
    """

    text: str
    citations: tuple[Citation, ...]


def answer_from(question: str, passages: Sequence[Passage], index: Index) -> Found | None:
    """Answer with the sentence or the table row that fits a question best.

    Returns:
        The answer, or `None` when no passage holds enough of the question's words, or no sentence is of the kind asked for:
        a number for `how many`, a time for `when`.
    """
    groups = content_terms(question)
    best: tuple[float, Passage, str] | None = None
    for passage in passages:
        if passage.coverage < LEAST_COVERAGE:
            continue
        context = frozenset(terms_of(" ".join((passage.ref.path.stem, *passage.chunk.section))))
        sentences = sentences_of(passage.chunk.text)
        for place, sentence in enumerate(sentences):
            if not _is_of_kind(question, sentence) or _is_table_head(passage.chunk.text, sentence):
                continue
            near = frozenset(terms_of(" ".join(sentences[max(place - 1, 0) : place + 1])))
            own = frozenset(terms_of(sentence))
            fit = index.coverage(groups, own)
            if fit < LEAST_SENTENCE_COVERAGE or (_ASKS_WHO.search(question) and fit < 1 and not _NAME.search(sentence)):
                continue
            score = fit + 0.3 * index.coverage(groups, near | own | context) + 0.2 * passage.score
            if best is None or score > best[0]:
                best = (score, passage, sentence)
    if best is None:
        return None
    _, passage, sentence = best
    quote = sentence[:MAX_QUOTE_CHARACTERS]
    citation = Citation(1, passage, quote)
    return Found(f"{_readable(passage.chunk.text, quote)} [1]", (citation,))


def check_citations(found: Found) -> tuple[Check, ...]:
    """Check that every citation exists, and that what is quoted and each number said stand in its passage."""
    numbers = {int(number) for number in re.findall(r"\[(\d+)\]", found.text)}
    known = {citation.number: citation for citation in found.citations}
    missing = sorted(numbers - known.keys())
    checks = [Check("citations", "each exists", bool(numbers) and not missing, ", ".join(f"[{number}]" for number in missing))]
    passages = " ".join(citation.passage.chunk.text for citation in found.citations)
    absent = [citation.quote for citation in found.citations if citation.quote not in citation.passage.chunk.text]
    checks.append(Check("quotation", "found in the passage word by word", not absent, absent[0] if absent else ""))
    said = _NUMBER.findall(re.sub(r"\[\d+\]", "", found.text))
    strange = [number for number in said if number not in _NUMBER.findall(passages)]
    checks.append(Check("numbers", "each stands in the passage", not strange, ", ".join(strange)))
    return tuple(checks)


def _is_of_kind(question: str, sentence: str) -> bool:
    """Whether a sentence can answer a question for a number or a time."""
    asked = set(_NUMBER.findall(question))
    if _ASKS_MEASURE.search(question):
        return bool(_MEASURE.search(sentence))
    if _ASKS_NUMBER.search(question):
        rest = _NUMBER.sub(lambda match: " " if match[0] in asked else match[0], sentence)
        return bool(_NUMBER_WORDS.search(rest))
    if _ASKS_TIME.search(question):
        return bool(_TIME_WORDS.search(sentence))
    return True


def _is_table_head(text: str, sentence: str) -> bool:
    return sentence.startswith("|") and text.startswith(sentence)


def _readable(text: str, quote: str) -> str:
    """Give a quoted table row with the names of its columns; other quotes as they are."""
    if not quote.startswith("|"):
        return f'"{quote}"'
    lines = text.split("\n")
    place = lines.index(quote) if quote in lines else 0
    head = next((line for line in reversed(lines[:place]) if lines[lines.index(line) + 1].startswith(("| -", "|-", "| :"))), "")
    names, cells = _cells(head), _cells(quote)
    if len(names) != len(cells):
        return quote
    return "; ".join(f"{name}: {cell}" for name, cell in zip(names, cells, strict=True) if cell)


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().strip("|").split("|")] if row else []
