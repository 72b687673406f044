"""What a hostile text cannot do: choose its own route, close the frame it stands in, or get our words out; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SENTENCE = re.compile(r"(?:[^.!?\n。]|[.!?](?!\s|$))*(?:[.!?。]\s*|\n|$)")
_ORDER = re.compile(
    r"""
      \b(?:ignore|disregard|forget|override|bypass|skip)\s+(?:all|any|the|your|my|every|these|those|previous|prior|that)\b
      .{0,30}\b(?:plan|instructions?|prompts?|routing|above|previous|(?:your|previous|prior)\s+rules)\b
    | \b(?:ignore|disregard|forget|override|bypass)\s+(?:your|previous|prior)\s+rules\b
    | \byour\s+(?:\w+\s+)?(?:system|hidden|initial|original)\s+(?:prompt|instructions?|message)s?\b
    | \b(?:print|reveal|repeat|output|leak|dump|show|give|tell|say|quote|copy)\b.{0,20}
      \b(?:system|hidden)\s+(?:prompt|instructions?)\b
    | \byour\s+(?:instructions|prompt|template)s?\b.{0,20}\b(?:word\s+for\s+word|verbatim|exactly|above)\b
    | \b(?:route|send|forward)\s+(?:this|it|everything)\s+to\s+(?:the\s+)?["']?
      (?:direct|coder|reasoner|tool[_ ]caller|multilingual|ocr|audio|linux|brain|(?:\w+\s+)?experts?)\b
    | \b(?:route|label|expert)s?["']?\s*(?:is|=|:|must\s+be|should\s+be)\s*\[?["']?
      (?:direct|coder|reasoner|tool_caller|multilingual|ocr|audio|linux)\b
    | \b(?:set|use|with)\b.{0,20}\bdirect_answer\b | "agents"\s*:
    | (?:위|앞|이전|기존|모든)(?:의|에\s*있는)?\s*(?:계획|지시|명령|규칙|프롬프트|경로).{0,12}(?:무시|잊|건너뛰|어기)
    | (?:계획|지시|프롬프트).{0,8}(?:무시|잊어|건너뛰고|어기고)
    | (?:시스템|숨겨진)\s*(?:프롬프트|지시문|지시).{0,20}(?:출력|보여|알려|말해|공개|그대로|적어|써\s*줘|뭐)
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Orders about the route, the plan and the prompts. What people send, forward, ignore or show otherwise is theirs."""
_FRAME = re.compile(r"<(?=\s*/?\s*material\b)", re.IGNORECASE)
_LEAST_WORDS = 5
"""A sentence of ours with fewer words is everybody's."""
_CUT = "[…]"


def without_orders(question: str) -> str:
    """Give the question as it is routed: without sentences that give orders about routes, plans and prompts.

    What is left of a question that is nothing but such orders is empty.
    """
    return "".join(sentence for sentence in _SENTENCE.findall(question) if not _ORDER.search(sentence)).strip()


def framed(material: str) -> str:
    """Give material that cannot open or close the frame `<material>` it is put into."""
    return _FRAME.sub("‹", material)


def telling_sentences(texts: Iterable[str]) -> tuple[str, ...]:
    """Give the sentences of our templates that would give them away, the longest first; those with holes are left out."""
    found = {" ".join(part.split()) for text in texts for part in re.split(r"(?<=[.!?:;])\s+|\n", text)}
    return tuple(
        sorted((part for part in found if len(part.split()) >= _LEAST_WORDS and "{{" not in part), key=len, reverse=True)
    )


def without_leaks(text: str, sentences: Sequence[str], *, known: str = "") -> tuple[str, int]:
    """Take sentences of our templates out of a text.

    Args:
        text: What a model wrote.
        sentences: From `telling_sentences`.
        known: What the user wrote; a sentence of it is no secret.

    Returns:
        The text, and how many sentences were taken out of it.
    """
    known, total = " ".join(known.lower().split()), 0
    for sentence in sentences:
        if sentence.lower() in known:
            continue
        pattern = r"\s+".join(map(re.escape, sentence.rstrip(".:;").split()))
        text, count = re.subn(pattern + r"[.:;]?", _CUT, text, flags=re.IGNORECASE)
        total += count
    return text, total
