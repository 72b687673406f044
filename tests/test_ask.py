from __future__ import annotations

import json
from pathlib import Path

import anyio
import pytest

from tests.fakes import Recorder, Reply, ScriptedLauncher, ScriptedRuntime
from tests.teams import call_of, scripted_team
from tiny_moa.ask import MAX_QUESTION_CHARS
from tiny_moa.brain import BRAIN, Route, Step, load_classifier, router_of
from tiny_moa.catalog import load_catalog
from tiny_moa.errors import InvalidRequest, NoAnswer, UnknownExpert, WorkerFailed
from tiny_moa.experts.base import Abstention, Task
from tiny_moa.models.runtime import CompletionRequest


def plan(*agents: tuple[str, str, int], direct: bool = False) -> str:
    described = [{"name": name, "prompt": prompt, "priority": priority} for name, prompt, priority in agents]
    return json.dumps({"thinking": "t", "agents": described, "direct_answer": direct})


async def settled(route: Route) -> Route:
    return route


def last(request: CompletionRequest) -> str:
    return request.messages[-1].content


async def test_arithmetic_is_verified_and_needs_no_model(tmp_path: Path) -> None:
    launcher = ScriptedLauncher("unused")
    async with scripted_team(tmp_path, launcher) as team:
        answer = await team.asker.ask("123 + 456 = ?", call_of())
    assert answer.text == "123 + 456 = 579"
    assert (answer.status, answer.experts, answer.trace.route.decided_by) == ("verified", ("reasoner",), "cues")
    assert launcher.launches == []


async def test_a_clear_cue_asks_one_expert_and_passes_its_answer_on_unchanged(tmp_path: Path) -> None:
    async with scripted_team(tmp_path, "def f():\n    return 1\n") as team:
        answer = await team.asker.ask("Write a python function f that returns 1", call_of())
    assert answer.text == "```python\ndef f():\n    return 1\n```"
    assert answer.fields["code"] == "def f():\n    return 1\n"
    assert [(check.what, check.passed) for check in answer.checks] == [("syntax", True)]
    assert answer.status == "unverified"


async def test_the_second_expert_of_a_chain_is_given_what_the_first_wrote_and_nothing_around_it(tmp_path: Path) -> None:
    launcher = ScriptedLauncher(["It adds two numbers.", "두 수를 더합니다."])
    question = "이 코드를 한국어로 설명해줘:\n```python\ndef add(a, b): return a + b\n```"
    async with scripted_team(tmp_path, launcher) as team:
        answer = await team.asker.ask(question, call_of())
    assert answer.text == "두 수를 더합니다."
    assert answer.experts == ("coder", "multilingual")
    first, second = launcher.runtimes[0].requests
    assert "It adds two numbers." in last(second)
    assert "<material>" not in last(first)


async def test_without_a_cue_the_brain_plans_within_the_grammar(tmp_path: Path) -> None:
    launcher = ScriptedLauncher([plan(("CODER", "make the list tidy", 1)), "x = sorted(y)\n"])
    recorder = Recorder()
    async with scripted_team(tmp_path, launcher) as team:
        answer = await team.asker.ask("make the list tidy", call_of(listener=recorder))
    assert (answer.trace.route.decided_by, answer.experts) == ("plan", ("coder",))
    schema = launcher.runtimes[0].requests[0].schema
    assert schema is not None
    assert "CODER" in schema["properties"]["agents"]["items"]["properties"]["name"]["enum"]
    assert recorder.stages == ["routing", "coder"]


async def test_a_direct_plan_and_an_unusable_plan_are_answered_by_the_brain(tmp_path: Path) -> None:
    for text, decided_by in ((plan(direct=True), "plan"), ("no plan at all", "fallback")):
        async with scripted_team(tmp_path, [text, "Paris."]) as team:
            answer = await team.asker.ask("What is the capital of France?", call_of())
        assert (answer.text, answer.experts, answer.trace.route.decided_by) == ("Paris.", ("brain",), decided_by)


async def test_experts_side_by_side_are_joined_by_the_brain(tmp_path: Path) -> None:
    launcher = ScriptedLauncher(
        [plan(("CODER", "tidy it", 1), ("REASONER", "count it", 1)), "x = 1\n", "Answer: 3", "Tidy: [[code 1]] That is 3."]
    )
    async with scripted_team(tmp_path, launcher) as team:
        answer = await team.asker.ask("tidy it and count it", call_of())
    assert answer.text == "Tidy:\n\n```python\nx = 1\n```\nThat is 3."
    assert {check.what: check.passed for check in answer.checks}["numbers"]
    assert answer.experts == ("coder", "reasoner", "brain")
    merge = last(launcher.runtimes[0].requests[-1])
    assert "x = 1" not in merge, "code does not pass through the model that merges"
    assert "[[code 1]]" in merge
    assert "Answer: 3" in merge


async def test_a_failed_merge_leaves_the_parts_under_headings(tmp_path: Path) -> None:
    script = [plan(("CODER", "tidy it", 1), ("REASONER", "count it", 1)), "x = 1\n", "Answer: 3", ""]
    async with scripted_team(tmp_path, script) as team:
        answer = await team.asker.ask("tidy it and count it", call_of())
    assert "## Coder" in answer.text
    assert "## Reasoner" in answer.text
    assert "x = 1" in answer.text


@pytest.mark.parametrize(
    ("joined", "why"),
    [("[[code 1]] That is 4.", "numbers"), ("That is 3.", "every block of code"), ("[[code 1]] 3, says [7].", "7")],
)
async def test_a_merge_that_invents_or_loses_is_not_used_and_the_answer_says_why(tmp_path: Path, joined: str, why: str) -> None:
    script = [plan(("CODER", "tidy it", 1), ("REASONER", "count it", 1)), "x = 1\n", "Answer: 3", joined]
    async with scripted_team(tmp_path, script) as team:
        answer = await team.asker.ask("tidy it and count it", call_of())
    assert answer.text == "## Coder\n\n```python\nx = 1\n```\n\n## Reasoner\n\nAnswer: 3"
    (note,) = [note for note in answer.notes if "side by side" in note]
    assert why in note


async def test_each_part_of_a_request_goes_to_its_expert_and_nothing_is_lost(tmp_path: Path) -> None:
    launcher = ScriptedLauncher(["def f(): return 42\n", "no merge"])
    async with scripted_team(tmp_path, launcher) as team:
        answer = await team.asker.ask("Calculate 6 * 7 and then write a python function that returns the result", call_of())
    assert answer.experts == ("reasoner", "coder")
    assert "6 * 7 = 42" in answer.text
    assert "def f(): return 42" in answer.text
    assert "6 * 7 = 42" in last(launcher.runtimes[0].requests[0]), "the second reads what the first found"


async def test_code_is_not_lost_behind_a_translation_that_does_not_hold_it(tmp_path: Path) -> None:
    replies = iter(["x = sorted(y)\n"])
    async with scripted_team(tmp_path, ScriptedLauncher(lambda request: next(replies, "목록을 정렬합니다."))) as team:
        route = Route((Step("coder", "Write it"), Step("multilingual", "put it into Korean", 2)), "plan")
        team.asker._brain.route = lambda question, call: settled(route)  # type: ignore[method-assign]
        answer = await team.asker.ask("Write it, then explain it in Korean", call_of())
    assert "x = sorted(y)" in answer.text
    assert "목록을 정렬합니다." in answer.text


async def test_a_merge_that_was_cut_off_is_not_used(tmp_path: Path) -> None:
    planned = plan(("CODER", "tidy it", 1), ("REASONER", "count it", 1))
    script = [planned, "x = 1\n", "Answer: 3", Reply("[[code 1]] That is 3.", finish="length")]
    async with scripted_team(tmp_path, script) as team:
        answer = await team.asker.ask("tidy it and count it", call_of())
    assert "## Coder" in answer.text
    assert any("cut off" in note for note in answer.notes)


async def test_a_part_no_expert_claims_is_the_brains(tmp_path: Path) -> None:
    (tmp_path / "costs.txt").write_text("Rent 700, food 300.", encoding="utf-8")
    launcher = ScriptedLauncher(["Answer: 1000", "Dear landlord, 1000.", "no merge"])
    async with scripted_team(tmp_path, launcher, roots=[tmp_path]) as team:
        answer = await team.asker.ask("Read costs.txt, calculate the total, and draft a mail to my landlord.", call_of())
    assert [step.expert for step in answer.trace.route.steps] == ["ocr", "reasoner", "brain"]
    first, second = launcher.runtimes[0].requests[:2]
    assert "Rent 700, food 300." in last(first)
    assert "Answer: 1000" in last(second)


async def test_a_korean_question_is_answered_in_korean_and_the_answer_is_checked(tmp_path: Path) -> None:
    for written, passed in (("파리입니다.", True), ("It is the city of Paris.", False)):
        launcher = ScriptedLauncher([plan(direct=True), written])
        async with scripted_team(tmp_path, launcher) as team:
            answer = await team.asker.ask("프랑스의 수도는 어디인가요?", call_of())
        assert "Answer in Korean." in last(launcher.runtimes[0].requests[-1])
        assert [(check.what, check.passed) for check in answer.checks] == [("language", passed)]
        assert any("not trained to write Korean" in note for note in answer.notes)


async def test_an_expert_that_fails_is_an_abstention_and_the_brain_answers(tmp_path: Path) -> None:
    script = [Reply("x", error=WorkerFailed("ended"), after=0)]
    runtimes = iter([ScriptedRuntime(script), ScriptedRuntime("I can say this much.")])
    launcher = ScriptedLauncher(build=lambda spec: next(runtimes))
    async with scripted_team(tmp_path, launcher) as team:
        answer = await team.asker.ask("Write a python function", call_of())
    assert answer.text == "I can say this much."
    assert any("did not answer" in note for note in answer.notes)
    assert isinstance(answer.trace.steps[0].outcome, Abstention)


async def test_the_next_best_expert_takes_over_before_the_brain_and_the_answer_says_so(tmp_path: Path) -> None:
    async with scripted_team(tmp_path, ["", "Worked out: 4."]) as team:
        route = Route((Step("coder", "Write it", next_best=("reasoner", "linux")),), "plan")
        team.asker._brain.route = lambda question, call: settled(route)  # type: ignore[method-assign]
        answer = await team.asker.ask("Write it", call_of())
    assert [step.expert for step in answer.trace.steps] == ["coder", "reasoner"]
    assert answer.trace.steps[1].instead_of == "coder"
    assert [note for note in answer.notes if "Reasoner took over" in note]


async def test_an_expert_that_stays_silent_leaves_time_for_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tiny_moa.ask._PATIENCE", 0.01)
    runtimes = iter([ScriptedRuntime(Reply("late", wait=anyio.Event(), after=0)), ScriptedRuntime("In time.")])
    table = """
    [models.other]
    title = "Other"
    path = "dummy.gguf"
    [experts.coder]
    model = "other"
    """
    async with scripted_team(tmp_path, ScriptedLauncher(build=lambda spec: next(runtimes)), catalog=table) as team:
        answer = await team.asker.ask("Write a python function", call_of(seconds=20))
    assert answer.text == "In time."
    assert any("written nothing" in note for note in answer.notes)


async def test_an_expert_that_has_begun_to_write_keeps_its_time(tmp_path: Path) -> None:
    async with scripted_team(tmp_path, Reply("x = 1 + 2", wait=anyio.Event(), after=2)) as team:
        answer = await team.asker.ask("Write a python function", call_of(seconds=2))
    assert (answer.experts, answer.status) == (("coder",), "partial")


def test_the_classifiers_other_guesses_take_over() -> None:
    router = router_of(tuple(load_catalog().experts.values()), load_classifier())
    words = "A program that copies files"
    guessed = {guess.labels[0].lower() for guess in router.guesses(words) if guess.probability >= 0.1}
    assert guessed >= {"coder", "linux"}, "both are possible"
    for expert, heir in (("coder", "linux"), ("linux", "coder")):
        heirs = router.heirs(words, expert)
        assert expert not in heirs
        assert heirs[0] == heir
        assert set(heirs) <= {*load_catalog().experts, BRAIN}


async def test_a_document_is_read_while_a_model_writes(tmp_path: Path) -> None:
    (tmp_path / "trip.txt").write_text("The bus leaves at 7:45.", encoding="utf-8")
    recorder = Recorder()
    async with scripted_team(tmp_path, ["x = 1\n", "Joined."], roots=[tmp_path]) as team:
        route = Route((Step("ocr", "Extract trip.txt"), Step("coder", "Write it")), "plan")
        team.asker._brain.route = lambda question, call: settled(route)  # type: ignore[method-assign]
        answer = await team.asker.ask("Extract trip.txt and write it", call_of(listener=recorder))
    assert recorder.stages[:2] == ["ocr", "coder"]
    coder, ocr = sorted((step for step in answer.trace.steps[:2]), key=lambda step: step.expert)
    assert max(coder.began, ocr.began) < min(coder.began + coder.seconds, ocr.began + ocr.seconds)


async def test_nothing_is_made_up_about_a_document_that_a_chain_could_not_read(tmp_path: Path) -> None:
    async with scripted_team(tmp_path, "It says 5 euros.", roots=[tmp_path]) as team:
        with pytest.raises(NoAnswer, match="nothing to work on"):
            await team.asker.ask("Translate nothing.pdf into Korean", call_of())


async def test_when_nobody_answers_every_reason_is_given(tmp_path: Path) -> None:
    async with scripted_team(tmp_path, "") as team:
        with pytest.raises(NoAnswer) as caught:
            await team.asker.ask("Write a python function", call_of())
    assert len(caught.value.reasons) == 2


async def test_the_deadline_gives_the_text_so_far_marked_partial(tmp_path: Path) -> None:
    async with scripted_team(tmp_path, Reply("one two three", wait=anyio.Event(), after=2)) as team:
        answer = await team.asker.ask_expert("multilingual", Task("translate this"), call_of(seconds=2))
    assert (answer.text, answer.status) == ("one two", "partial")
    assert any("deadline" in note for note in answer.notes)


async def test_the_token_limit_is_partial_and_says_how_to_get_more(tmp_path: Path) -> None:
    async with scripted_team(tmp_path, "one two three four") as team:
        answer = await team.asker.ask_expert("multilingual", Task("translate this"), call_of(max_tokens=2))
    assert answer.status == "partial"
    assert "max_tokens" in answer.notes[0]


async def test_a_document_that_cannot_be_read_is_never_guessed_about(tmp_path: Path) -> None:
    async with scripted_team(tmp_path, "It is about cats.", roots=[tmp_path]) as team:
        with pytest.raises(NoAnswer, match=r"nothing\.pdf"):
            await team.asker.ask("Summarise nothing.pdf", call_of())


async def test_the_brain_works_on_the_whole_of_a_document(tmp_path: Path) -> None:
    (tmp_path / "trip.txt").write_text("The bus leaves at 7:45.", encoding="utf-8")
    launcher = ScriptedLauncher("A bus leaves.")
    async with scripted_team(tmp_path, launcher, roots=[tmp_path]) as team:
        answer = await team.asker.ask("Summarise doc://trip.txt", call_of())
    assert (answer.text, answer.experts) == ("A bus leaves.", ("ocr", "brain"))
    assert "The bus leaves at 7:45." in last(launcher.runtimes[0].requests[-1])


async def test_the_text_of_a_document_is_given_as_it_is_when_that_is_asked(tmp_path: Path) -> None:
    (tmp_path / "trip.txt").write_text("The bus leaves at 7:45.", encoding="utf-8")
    async with scripted_team(tmp_path, "unused", roots=[tmp_path]) as team:
        answer = await team.asker.ask("Extract the text of trip.txt", call_of())
    assert "The bus leaves at 7:45." in answer.text
    assert answer.experts == ("ocr",)


@pytest.mark.parametrize("question", ["", "  \n ", "x" * (MAX_QUESTION_CHARS + 1)])
async def test_an_empty_and_an_overlong_question_are_refused(tmp_path: Path, question: str) -> None:
    async with scripted_team(tmp_path, "unused") as team:
        with pytest.raises(InvalidRequest):
            await team.asker.ask(question, call_of())


async def test_an_unknown_expert_is_refused(tmp_path: Path) -> None:
    async with scripted_team(tmp_path, "unused") as team:
        with pytest.raises(UnknownExpert):
            await team.asker.ask_expert("wizard", Task("x"), call_of())


@pytest.mark.promise(9)
async def test_a_new_expert_is_one_table_and_one_prompt_file(tmp_path: Path) -> None:
    (tmp_path / "prompts" / "experts").mkdir(parents=True)
    (tmp_path / "prompts" / "experts" / "poet.md").write_text(
        "# system\nYou write verse.\n\n# user\n{{task}}\n", encoding="utf-8"
    )
    table = """
    [experts.poet]
    title = "Poet"
    description = "writes verse"
    kind = "chat"
    cues = ['\\bpoem\\b']
    """
    launcher = ScriptedLauncher("Roses are red.")
    async with scripted_team(tmp_path, launcher, catalog=table) as team:
        answer = await team.asker.ask("A poem about autumn, please", call_of())
    assert (answer.text, answer.experts) == ("Roses are red.", ("poet",))
    assert launcher.runtimes[0].requests[0].messages[0].content == "You write verse."
