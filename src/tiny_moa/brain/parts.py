"""A request of several parts, split where its own words say so: order, enumeration, a further demand; pure, asks no model.

Only clear cases are split, and what a request carries along (quotes, code, the text behind a colon) never is. Whether the parts
need different experts is not decided here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tiny_moa.brain.route import MAX_STEPS


@dataclass(frozen=True)
class Part:
    """One part of a request, in its own words.

    Attributes:
        text: The words, with what they carry along.
        needs_earlier: Whether it works on what the parts before it gave.
        is_sure: Whether the split before it stands for itself; a mere `and` does not, unless the parts need different experts.
    """

    text: str
    needs_earlier: bool = False
    is_sure: bool = True


_CARRIED = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]+`|\"[^\"\n]+\"|“[^”]+”|‘[^’]+’|「[^」]+」|(?<![\w가-힣])'[^'\n]+'(?![A-Za-z])|\([^()\n]*\)|https?://\S+|doc://\S+",
    re.DOTALL,
)
_COLON = re.compile(r"(?<=[^\s\d:])\s?[:：](?=\s)")
_VERBS = (
    "add|analy[sz]e|answer|build|calculate|check|compare|compose|compute|convert|count|create|describe|determine|draft|estimate|"
    "evaluate|explain|extract|find|fix|generate|give|implement|list|look up|make|open|outline|parse|plot|prove|put|read|rewrite|"
    "say|search|send|show|solve|sort|suggest|sum|summari[sz]e|tell|total|transcribe|translate|turn|write"
)
_STRONG = re.compile(
    rf"""
      [,;]?\s+(?:and\s+)?(?:then|afterwards|after\s+that|next|finally|lastly|as\s+a\s+last\s+step),?\s+(?=\w)
    | (?<=[.;!?])\s+(?:also|second(?:ly)?|third(?:ly)?|next|last),?\s+(?=\w)
    | ,\s+(?:and\s+)?(?:also\s+)?(?=(?:{_VERBS})\b)
    | (?<=[가-힣]),?\s+(?:그리고|그런\s?다음에?|그\s?다음에?|그러고\s?나서|그\s?후에?|이어서|마지막으로)\s+
    | (?<=[.!?])\s+(?:그리고|그런\s?다음에?|그\s?다음에?|또|또한|마지막으로),?\s+
    | (?<=[가-힣])\s(?:뒤|다음|후)(?:에|에는)?,?\s+
    | (?<=고)\s?나서,?\s+
    """,
    re.IGNORECASE | re.VERBOSE,
)
_WEAK = re.compile(
    rf"\s+and\s+(?=(?:{_VERBS})\b)|(?<=[가-힣]고),?\s+(?!싶|있|나서|말|계)|(?<=해서),?\s+|(?<=어서),?\s+|(?<=아서),?\s+",
    re.IGNORECASE,
)
_ITEM = re.compile(
    r"(?:\A|(?<=\n)|(?<=[.:;,!?])\s|(?<=\s)(?=\(?\d\)))\(?(?:(\d{1,2})[.)])\s+(?=\S)|(?:\A|(?<=\s))[①②③④⑤⑥⑦⑧⑨]\s*(?=\S)|(?<=\n)[-*•]\s+(?=\S)"
)
_NOT_AN_END = re.compile(r"(?:라고|다고|냐고|자고|하자고|광고|참고|보고|창고|경고|재고|사고|최고|그리고)$")
_EARLIER = re.compile(
    r"\b(?:it|its|them|they|that|this|these|those|the\s+(?:same|result|results|answer|output|outcome|text|code|command|total|sum|"
    r"translation|summary|solution|explanation|table|numbers?|contents?|findings?))\b"
    r"|그것|그걸|그 결과|그 내용|그 답|그 값|결과|내용|풀이|해설|설명은|답을|답도|이를|요약(?:을|한)|번역(?:한|본)|위\s|앞의",
    re.IGNORECASE,
)
_OWN = re.compile(r"\0|\d\s*[-+*/^×÷=]\s*\(?\d|[A-Za-z0-9가-힣]\.[A-Za-z]{2,4}\b")
_INFINITIVE = re.compile(
    r"\b(?:to|that|which|who|how|can|should|must|will|function|script|program|method|class|command|app|tool)\b", re.IGNORECASE
)
_POLITE = re.compile(r"^(?:first(?:ly)?|please|step 1|먼저|우선|일단)[,:]?\s+", re.IGNORECASE)
_VERBAL_END = 4
"""The final consonant ㄴ of a Hangul syllable: a verb before `뒤`, `다음` or `후` ends in it, a noun need not."""


def split_request(request: str, *, only_sure: bool = False) -> tuple[Part, ...]:
    """Split a request into its parts, in order; one part when it has one, or more than a plan may have steps.

    With `only_sure`, a mere `and` splits nothing.
    """
    whole = (Part(request.strip()),)
    masked = _CARRIED.sub(lambda match: "\0" * len(match[0]), request)
    if (items := _items(masked)) is not None:
        parts = _parts_of(request, masked, items)
    else:
        colon = _COLON.search(masked)
        end = colon.start() if colon else len(request)
        parts = _parts_of(request, masked, _clauses(masked[:end], len(request), only_sure=only_sure))
    return parts if 1 < len(parts) <= MAX_STEPS else whole


_Cut = tuple[int, int, bool, bool]
"""Where a part begins and ends, whether the split before it is sure, and whether the words say that it comes later."""


def _items(text: str) -> list[_Cut] | None:
    """Cut at numbers 1, 2, 3 … or at bullets; the words before the first belong to none."""
    marks = list(_ITEM.finditer(text))
    numbers = [int(mark[1]) for mark in marks if mark[1]]
    if len(marks) < 2 or (numbers and numbers != list(range(1, len(marks) + 1))):
        return None
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    return [(mark.end(), end, True, False) for mark, end in zip(marks, ends, strict=True)]


def _clauses(head: str, length: int, *, only_sure: bool) -> list[_Cut]:
    """Cut at words of order, and more carefully at a mere `and`; what follows the head stays with the first part."""
    cuts = [(match, True) for match in _STRONG.finditer(head) if _is_end(head, match)]
    taken = [match.span() for match, _ in cuts]
    weak = () if only_sure else _WEAK.finditer(head)
    cuts += [(m, False) for m in weak if _is_end(head, m) and not any(_overlap(m.span(), span) for span in taken)]
    cuts.sort(key=lambda cut: cut[0].start())
    begin, is_sure, found = 0, True, list[_Cut]()
    for match, sure in cuts:
        if not head[begin : match.start()].strip() or not (sure or _may_part(head[begin : match.start()], head[match.end() :])):
            continue
        found.append((begin, match.start(), is_sure, bool(found)))
        begin, is_sure = match.end(), sure
    return [*found, (begin, len(head) if found else length, is_sure, bool(found))]


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _is_end(head: str, match: re.Match[str]) -> bool:
    """Whether a Korean clause really ends where a split was found; an English split always counts."""
    before = head[: match.start()].rstrip(" ,")
    if not before or not "가" <= before[-1] <= "힣":
        return True
    if _NOT_AN_END.search(before):
        return False
    if match[0].strip(" ,").startswith(("뒤", "다음", "후")):
        return (ord(before[-1]) - 0xAC00) % 28 == _VERBAL_END
    return True


def _may_part(left: str, right: str) -> bool:
    """Whether a mere `and` joins two demands: not two infinitives of one demand, nor two words."""
    if re.search(r"[가-힣]$", left.rstrip(" ,")):
        return len(right.split()) >= 2
    return not _INFINITIVE.search(left) and len(left.split()) >= 2 and len(right.split()) >= 2


def _parts_of(request: str, masked: str, cuts: list[_Cut]) -> tuple[Part, ...]:
    tail = request[cuts[-1][1] :] if cuts else ""
    parts: list[Part] = []
    for number, (begin, end, is_sure, comes_later) in enumerate(cuts):
        words = _POLITE.sub("", request[begin:end].strip()).strip(" ,;")
        if not words.strip(" .!?"):
            continue
        needs = bool(number) and _needs_earlier(masked[begin:end], comes_later=comes_later)
        parts.append(Part(words + (tail if not number else ""), needs, is_sure))
    return tuple(parts)


def _needs_earlier(words: str, *, comes_later: bool) -> bool:
    """Whether a part works on what came before: it says so, or it comes later and carries nothing of its own."""
    return bool(_EARLIER.search(words)) or (comes_later and not _OWN.search(words))
