from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.errors import TemplateError
from tiny_moa.templates import TemplateLibrary, parse_template

SOURCE = "For people.\n\n# system\nBe brief.\n\n# user\nHello\n\n# assistant\nHi\n\n# user\n{{task}} in {{language}}\n"


def test_a_template_has_turns_holes_and_a_fixed_part() -> None:
    template = parse_template("t", SOURCE)
    assert [turn.role for turn in template.turns] == ["system", "user", "assistant", "user"]
    assert template.holes == {"task", "language"}
    assert template.fixed_turns == 3


@given(st.text(), st.text())
def test_what_fills_a_hole_is_never_searched_for_holes(task: str, language: str) -> None:
    filled = parse_template("t", SOURCE).fill(task=task + "{{language}}", language=language)
    assert filled[-1].text == f"{task}{{{{language}}}} in {language}"


@pytest.mark.parametrize("values", [{"task": "x"}, {"task": "x", "language": "y", "more": "z"}])
def test_a_hole_without_a_value_and_a_value_without_a_hole_are_errors(values: dict[str, str]) -> None:
    with pytest.raises(TemplateError):
        parse_template("t", SOURCE).fill(**values)


@pytest.mark.parametrize("source", ["", "only words", "# system\nx\n"])
def test_a_file_without_a_question_is_no_template(source: str) -> None:
    with pytest.raises(TemplateError):
        parse_template("t", source)


def test_a_user_folder_stands_before_the_shipped_templates(tmp_path: Path) -> None:
    (tmp_path / "brain").mkdir()
    (tmp_path / "brain" / "answer.md").write_text("# user\nMine: {{question}}\n")
    library = TemplateLibrary([tmp_path])
    assert library.get("brain/answer").turns[0].text == "Mine: {{question}}"
    assert library.get("brain/plan").holes == {"experts", "question"}


def test_a_missing_template_and_wrong_holes_say_what_to_do() -> None:
    library = TemplateLibrary()
    with pytest.raises(TemplateError, match=r"experts/nobody\.md"):
        library.get("experts/nobody")
    with pytest.raises(TemplateError, match="'question'"):
        library.get("brain/answer", holes=("task",))
