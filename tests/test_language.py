from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.brain.language import answer_language, check_language, language_of, wanted_language, without_demand


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("오늘 저녁 뭐 먹을까?", "ko"),
        ("이 API는 JSON을 돌려주나요?", "ko"),
        ("今日はいい天気ですね", "ja"),
        ("今天天气怎么样", "zh"),
        ("كيف حالك اليوم", "ar"),
        ("Pourquoi le ciel est-il bleu aujourd'hui ?", "fr"),
        ("Warum ist der Himmel heute so blau?", "de"),
        ("¿Por qué el cielo es tan azul hoy?", "es"),
        ("Why is the sky so blue?", "en"),
        ("hm", "en"),
        ("'안녕하세요' means what, and why is it polite?", "en"),
        ("", "en"),
    ],
)
def test_a_question_is_in_its_own_language_not_in_that_of_its_quotes(text: str, code: str) -> None:
    assert language_of(text) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Describe the moon in Korean", "ko"),
        ("달을 프랑스어로 설명해줘", "fr"),
        ("Translate it from German into Spanish", "es"),
        ("Tell me about German beer", None),
        ("한국어를 배우고 싶어", None),
    ],
)
def test_a_language_is_wanted_only_where_it_is_asked_for(text: str, code: str | None) -> None:
    assert wanted_language(text) == code


def test_an_answer_is_wanted_in_the_language_asked_for_else_in_the_questions() -> None:
    assert answer_language("Describe the moon in Korean") == "ko"
    assert answer_language("달이 왜 밝아?") == "ko"
    assert without_demand("Describe the moon in Korean, please.") == "Describe the moon, please."


def test_an_answer_in_the_wrong_language_fails_and_a_short_one_is_not_blamed() -> None:
    failed = check_language("It is bright because the sun shines on it.", "ko")
    assert failed is not None
    assert (failed.passed, failed.detail) == (False, "it is in English, not in Korean")
    assert check_language("42", "ko") is None
    assert check_language("Paris", "de") is None
    assert check_language("햇빛을 받기 때문입니다.", "ko") is not None


@given(st.text())
def test_every_text_has_a_language(text: str) -> None:
    assert language_of(text)
    check_language(text, "ko")
