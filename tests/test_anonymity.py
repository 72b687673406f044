"""Labels that tell nothing, and texts that do not say who wrote them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.deliberation.anonymity import labels, without_author

names = st.lists(st.text(min_size=1), min_size=1, max_size=8, unique=True)


@given(names, st.text(), st.integers(1, 6))
def test_everybody_gets_a_label_and_the_same_job_the_same_ones(authors: list[str], job: str, round_: int) -> None:
    found = labels(authors, job, round_)
    assert sorted(found.values()) == sorted(f"C{n}" for n in range(1, len(authors) + 1))
    assert labels(list(reversed(authors)), job, round_) == found


def test_labels_change_between_jobs_and_rounds() -> None:
    authors = ["a", "b", "c", "d"]
    assert len({tuple(labels(authors, f"job {n}", m).items()) for n in range(10) for m in (1, 2)}) > 5


def test_an_author_with_two_candidates_is_refused() -> None:
    with pytest.raises(ValueError, match="one candidate"):
        labels(["a", "a"], "job", 1)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("As Qwen2.5-Coder, I think it is 7.", "I think it is 7."),
        ("As an AI language model, I add 3 and 4: 7.", "I add 3 and 4: 7."),
        ("I am Qwen, created by Alibaba Cloud. It is 7.", "It is 7."),
        ("저는 Qwen입니다. 답은 7입니다.", "답은 7입니다."),
        ("It is 7.\n\n— SmolLM2-135M", "It is 7."),
        ("As x grows, so does y.", "As x grows, so does y."),
    ],
)
def test_what_an_author_says_of_itself_is_taken_out(text: str, cleaned: str) -> None:
    assert without_author(text) == cleaned


def test_code_is_left_as_it_is() -> None:
    code = "```python\nname = 'I am Qwen.'\n```"
    assert without_author(f"As Qwen, I wrote this:\n{code}") == f"I wrote this:\n{code}"
