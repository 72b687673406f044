from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.brain.signals import certain, language_of, look


@pytest.mark.parametrize(
    ("question", "labels"),
    [
        ("(17 + 4) * 3 = ?", ("REASONER",)),
        ("$ df -h /home", ("LINUX",)),
        ("root@box:/etc# systemctl list-units", ("LINUX",)),
        ("```python\nprint(1)\n```", ("CODER",)),
        ("```bash\nls | wc -l\n```", ("LINUX",)),
        ("doc://inbox/letter.pdf", ("OCR",)),
        ("scan_04.jpeg", ("OCR",)),
        ("통화녹음.m4a", ("AUDIO",)),
        ('Book a room. Tools: [{"name": "book", "parameters": {"type": "object"}}]', ("TOOL_CALLER",)),
    ],
)
def test_some_questions_are_settled_by_what_they_are(question: str, labels: tuple[str, ...]) -> None:
    found = certain(question)
    assert found is not None
    assert found[0] == labels


@pytest.mark.parametrize(
    "question", ["2026-11-25", "read scan_04.jpeg to me", "I paid $ 30", "what is 3 + 4 in Roman numerals?", ""]
)
def test_words_beside_it_or_a_mere_date_settle_nothing(question: str) -> None:
    assert certain(question) is None


def test_names_become_marks_and_what_is_carried_along_is_kept_apart() -> None:
    sight = look("Put 'restart the server' into Korean and save it as hello.wav")
    assert sight.words == "put <quote:own> into <lang:other> and save it as <sound>"
    assert sight.carried == "restart the server"


def test_the_language_of_the_question_is_its_own_and_any_other_is_other() -> None:
    assert "<lang:own>" in look("이 문장을 한국어로 옮겨줘: I like tea").words
    assert "<lang:other>" in look("이 문장을 영어로 옮겨줘").words
    assert "<lang:own>" in look("Answer in English, please").words


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("어디에 있어?", "ko"),
        ("どこですか", "ja"),
        ("你好吗", "zh"),
        ("أين المحطة", "ar"),
        ("Wie ist das Wetter", "de"),
        ("¿Qué hay en la casa?", "es"),
        ("Où est la gare ? C'est dans le parc", "fr"),
        ("¿Quién llamó?", "es"),
        ("Schöne Grüße", "de"),
        ("把会议录音转成文字 board_meeting.wav", "zh"),
        ("Read the word カメラ to me, please", "en"),
        ("Where is it?", "en"),
        ("12 + 3", "en"),
    ],
)
def test_languages_are_told_by_script_and_small_words(text: str, code: str) -> None:
    assert language_of(text) == code


@given(st.text(max_size=400))
def test_any_text_can_be_looked_at_and_twice_gives_the_same(text: str) -> None:
    assert look(text) == look(text)
    certain(text)
