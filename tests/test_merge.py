from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tiny_moa.brain.merge import check_sources, code_blocks, disagreements, hide_code, merged, numbers_of, under_headings
from tiny_moa.experts.base import Proposal, Status

TITLES = {"coder": "Coder", "reasoner": "Reasoner"}
WORDS = st.sampled_from(
    ["The", "total", "is", "17", "3.5", "1,200", "about", "합계는", "900원", "so", "doc://a.pdf", "[2]", "`x+1`"]
)
PROSE = st.lists(WORDS, min_size=1, max_size=8).map(" ".join)
CODE = st.lists(
    st.sampled_from(["x = 1", "    return 42", "", "# 더하기", "print('``')", "[[code 9]]"]), min_size=1, max_size=4
).map(lambda lines: "```python\n" + "\n".join(lines) + "\n```")
STATUS = st.sampled_from(["verified", "unverified", "partial"])


def proposal(expert: str, prose: str, code: str, status: Status) -> Proposal:
    return Proposal(expert, f"{prose}\n\n{code}" if code else prose, status)


PROPOSALS = st.tuples(
    st.builds(proposal, st.just("coder"), PROSE, CODE, STATUS),
    st.builds(proposal, st.just("reasoner"), PROSE, st.just(""), STATUS),
)
MERGES = st.lists(
    st.one_of(WORDS, st.sampled_from(["[[code 1]]", "[[code 2]]", "[[CODE 1]]", "41", "```\nx = 2\n```", "\n"]))
).map(" ".join)


def given_out(written: str, proposals: tuple[Proposal, Proposal]) -> str:
    """What the user gets: the merge when it is sound, else the parts."""
    _, blocks = hide_code(one.text for one in proposals)
    shown, _, wrong = merged(written, blocks, proposals)
    return under_headings(proposals, TITLES) if wrong else shown


@settings(max_examples=200)
@given(PROPOSALS, MERGES)
def test_code_is_never_altered_and_none_is_lost_or_added(proposals: tuple[Proposal, Proposal], written: str) -> None:
    expected = [block for one in proposals for block in code_blocks(one.text)]
    assert list(code_blocks(given_out(written, proposals))) == expected


@settings(max_examples=200)
@given(PROPOSALS, MERGES)
def test_no_number_is_in_the_answer_that_is_in_none_of_the_proposals(proposals: tuple[Proposal, Proposal], written: str) -> None:
    known = numbers_of(proposals[0].text) | numbers_of(proposals[1].text)
    assert numbers_of(given_out(written, proposals)) <= known


@settings(max_examples=100)
@given(PROPOSALS)
def test_what_was_hidden_comes_back_as_it_was(proposals: tuple[Proposal, Proposal]) -> None:
    texts, blocks = hide_code(one.text for one in proposals)
    shown, checks, wrong = merged("\n\n".join(texts), blocks, proposals)
    assert not wrong
    assert all(check.passed for check in checks)
    assert all(block in shown for block in blocks)


def test_a_faithful_merge_passes_and_is_used() -> None:
    parts = (
        proposal("coder", "Use this.", "```python\nx = 1\n```", "unverified"),
        Proposal("reasoner", "It is 1,200.", "verified"),
    )
    shown, checks, wrong = merged("The sum is 1200:\n[[code 1]]\nDone.", ("```python\nx = 1\n```",), parts)
    assert (wrong, shown) == ("", "The sum is 1200:\n\n```python\nx = 1\n```\nDone.")
    assert [check.what for check in checks] == ["numbers", "code", "citations"]


def test_a_verified_answer_may_not_be_left_out() -> None:
    parts = (Proposal("reasoner", "6 * 7 = 42", "verified", fields={"answer": "42"}), Proposal("coder", "Nice.", "unverified"))
    assert "verified answer" in merged("Nice.", (), parts)[2]
    assert merged("Nice, 42.", (), parts)[2] == ""


def test_each_kind_of_stranger_is_named() -> None:
    checks = {check.what: check for check in check_sources("See [3] and `rm`, 9 of them", ["See it."])}
    assert [checks[what].passed for what in ("numbers", "code", "citations")] == [False, False, False]
    assert "9" in checks["numbers"].detail
    assert check_sources("٣ in all", ["3 in all"])[0].passed, "digits of other scripts are the same numbers"


def test_a_disagreement_is_stated() -> None:
    parts = [
        Proposal("coder", "a", "unverified", fields={"answer": "5"}),
        Proposal("reasoner", "b", "verified", fields={"answer": "7"}),
    ]
    assert disagreements(parts, TITLES) == ["The experts disagree: Coder says 5, Reasoner says 7."]
    assert disagreements(parts[:1], TITLES) == []
