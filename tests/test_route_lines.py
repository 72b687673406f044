from __future__ import annotations

import io
import json

import pytest

from tests.test_cli import run


def test_route_prints_the_route_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "route", "이 코드를 영어로 설명해줘: for (;;) {}")
    assert code == 0
    assert out.startswith("CODER → MULTILINGUAL\n")
    assert "chosen by classifier, sure to" in out


def test_lines_come_back_in_order_and_bad_ones_are_named_and_passed_over(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ['{"id": "a", "input": "7 * 8"}', "no json", '{"id": 3, "input": 4}', "", '{"id": "b", "input": " "}', '["x"]']
    lines.append('{"id": "c", "input": "What does chmod g+w do?"}')
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines)))
    code, out, err = run(capsys, "route", "--jsonl", "-", "--no-model")
    assert code == 1
    assert [json.loads(line) for line in out.splitlines()] == [
        {"id": "a", "route": ["REASONER"]},
        {"id": "c", "route": ["LINUX"]},
    ]
    assert [line.split(":")[0] for line in err.splitlines()] == ["line 2", "line 3", "line 5", "line 6", "tiny-moa"]


def test_all_that_is_known_comes_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "route", "--json", "7 * 8")
    found = json.loads(out)
    assert code == 0
    assert (found["route"], found["decided_by"], found["confidence"]) == (["REASONER"], "signals", 1.0)
    assert found["steps"] == [{"expert": "reasoner", "prompt": "7 * 8", "priority": 1}]


@pytest.mark.parametrize(
    "arguments", [("route",), ("route", "x", "--jsonl", "-"), ("route", "--jsonl", "/no/such/file"), ("route", " ")]
)
def test_wrong_use_is_told(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    code, _, err = run(capsys, *arguments)
    assert code == 1
    assert err.startswith("tiny-moa: ")
