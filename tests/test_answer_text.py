"""Tests of the growing text of an answer: stop strings, whole characters, loops."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.models.answer_text import AnswerText, is_looping

TEXTS = st.text("ab\n한é😀", max_size=40)
STOPS = st.lists(st.text("ab\n한", min_size=1, max_size=4), max_size=3)


def _cut(data: bytes, sizes: Iterable[int]) -> list[bytes]:
    pieces, start = [], 0
    for size in sizes:
        pieces.append(data[start : start + size])
        start += size
    return [*pieces, data[start:]]


def _expected(text: str, stops: list[str]) -> str:
    """The definition: grow letter by letter until a stop is complete, then cut it off."""
    for end in range(1, len(text) + 1):
        if found := [stop for stop in stops if text[:end].endswith(stop)]:
            return text[: end - max(map(len, found))]
    return text


@given(TEXTS, STOPS, st.lists(st.integers(0, 5), max_size=40), st.sampled_from(["", "abab", "한"]))
def test_however_a_text_is_cut_into_tokens_the_answer_is_the_same(
    text: str, stops: list[str], sizes: list[int], opening: str
) -> None:
    answer, heard = AnswerText(stops, opening), ""
    for piece in _cut(text.encode(), sizes):
        heard += answer.add(piece)
        if answer.is_stopped:
            break
    heard += answer.finish()
    assert heard == answer.text == opening + _expected(text, stops)


@given(TEXTS, STOPS, st.lists(st.integers(0, 5), max_size=40))
def test_nothing_printed_is_ever_part_of_a_stop(text: str, stops: list[str], sizes: list[int]) -> None:
    answer = AnswerText(stops)
    for piece in _cut(text.encode(), sizes):
        answer.add(piece)
        assert not any(stop in answer.text for stop in stops)
        if answer.is_stopped:
            break


def test_an_unfinished_character_is_never_printed() -> None:
    answer = AnswerText()
    assert [answer.add(byte) for byte in (b"\xed", b"\x95", b"\x9c", b"\xed")] == ["", "", "한", ""]
    assert answer.finish() == ""
    assert answer.text == "한"


def test_an_empty_stop_is_ignored() -> None:
    answer = AnswerText(["", "b"])
    assert answer.add(b"a") == "a"
    assert not answer.is_stopped


@pytest.mark.parametrize("unit", ["I am sorry. ", "\n    return value", "그리고 나서 다시 ", "- [ ] tidy up\n", "the the "])
def test_a_passage_over_and_over_is_a_loop(unit: str) -> None:
    assert is_looping("It began well. " + unit * (400 // len(unit) + 7))
    assert not is_looping("It began well. " + unit * 5)


@pytest.mark.parametrize("unit", ["0, ", "-", "| ", " ", "=-", "1 0 "])
def test_signs_without_words_may_repeat_for_longer(unit: str) -> None:
    assert not is_looping("data = " + unit * (1200 // len(unit)))
    assert is_looping("data = " + unit * (2000 // len(unit)))


def test_a_long_passage_needs_four_repeats() -> None:
    unit = " ".join(f"word{number}" for number in range(60)) + ". "
    assert not is_looping(unit * 3)
    assert is_looping(unit * 5)


CODE = "\n".join(f"    if kind == 'type_{n}':\n        return handle_{n}(value)" for n in range(60))
TABLE = "\n".join(f"| {n} | {n * n} | yes | no | none |" for n in range(80))
MARKUP = "<ul>\n" + "\n".join(f"  <li class='item'><a href='/p/{n}'>Page</a></li>" for n in range(50)) + "\n</ul>"


@pytest.mark.parametrize("text", [CODE, TABLE, MARKUP, "", "short", "x" * 199, "#" * 80 + "\n" + CODE + "\n" + "#" * 80])
def test_code_tables_and_markup_are_never_a_loop(text: str) -> None:
    assert not any(is_looping(text[:end]) for end in range(0, len(text) + 1, 7))


@given(st.text(max_size=199))
def test_a_text_shorter_than_a_loop_is_none(text: str) -> None:
    assert not is_looping(text)
