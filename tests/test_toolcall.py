from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.fakes import Reply, Script, ScriptedLauncher, ScriptedRuntime
from tests.teams import call_of, scripted_team
from tiny_moa.ask import Answer
from tiny_moa.catalog import ModelSpec
from tiny_moa.errors import InvalidRequest, NoAnswer
from tiny_moa.experts.base import Task
from tiny_moa.experts.checks import check_calls
from tiny_moa.experts.toolcall import read_tools
from tiny_moa.experts.toolcall.expert import calls_schema, likeliest, nothing_said, settle, weighed
from tiny_moa.experts.toolcall.grounding import ground, listed_numbers, unused_numbers, without_guesses
from tiny_moa.experts.toolcall.narrowing import MOST_BYTES, MOST_SHOWN, brief, closeness, nearest, terms
from tiny_moa.models.grammar import schema_grammar
from tiny_moa.models.runtime import CompletionRequest


def tool(name: str, description: str = "", required: Sequence[str] = (), **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return {"name": name, "description": description, "parameters": schema}


INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
ADD = tool("add", "adds", ["a"], a=INTEGER)
WEATHER = tool("weather", "tells the weather", ["city"], city=TEXT, days=INTEGER, unit={"enum": ["celsius", "kelvin"]})


def wire(*calls: dict[str, Any]) -> str:
    return json.dumps([{"name": "weather", "arguments": call} for call in calls])


async def call_tools(
    folder: Path, script: Script | ScriptedLauncher, request: str = "add 1", tools: Sequence[Any] = (ADD,), catalog: str = ""
) -> Answer:  # fmt: skip
    async with scripted_team(folder, script, catalog=catalog) as team:
        return await team.asker.ask_expert("tool_caller", Task(request, tools=read_tools(tools)), call_of())


def scoring(script: Script, *, fit: float = 1.0, favourite: str = "") -> ScriptedLauncher:
    """Load models that find a tool to fit with a probability, and one tool likelier than the others."""

    def scores(request: CompletionRequest, labels: Sequence[str]) -> Sequence[float]:
        return (fit, 1 - fit) if list(labels) == ["yes", "no"] else [9.0 if label == favourite else 0.1 for label in labels]

    def build(spec: ModelSpec) -> ScriptedRuntime:
        return ScriptedRuntime(script, name=spec.name, scores=scores)

    return ScriptedLauncher(build=build)


# -- the expert -----------------------------------------------------------------------------------------------------


async def test_calls_are_bound_to_the_tools_schemas_and_validated(tmp_path: Path) -> None:
    launcher = ScriptedLauncher('[{"name": "add", "arguments": {"a": 1}}]')
    answer = await call_tools(tmp_path, launcher)
    assert answer.fields["calls"] == [{"name": "add", "arguments": {"a": 1}}]
    assert [(check.what, check.passed) for check in answer.checks] == [("call", True), ("values", True)]
    schema = launcher.runtimes[0].requests[-1].schema
    assert schema is not None
    assert (schema["items"]["properties"]["name"], schema["minItems"]) == ({"const": "add"}, 1)


async def test_a_tool_that_does_not_fit_is_not_called_and_nothing_is_written(tmp_path: Path) -> None:
    answer = await call_tools(tmp_path, scoring([], fit=0.2))
    assert answer.fields == {"calls": [], "reason": "no tool of the list does what the request asks for"}
    assert answer.usage.completion_tokens == 0


async def test_the_likeliest_of_several_tools_is_shown_alone(tmp_path: Path) -> None:
    launcher = scoring(wire({"city": "Rome"}), favourite="weather")
    answer = await call_tools(tmp_path, launcher, "Weather in Rome", [ADD, WEATHER])
    assert answer.fields["calls"] == [{"name": "weather", "arguments": {"city": "Rome"}}]
    assert '"add"' not in launcher.runtimes[0].requests[-1].messages[-1].content


async def test_two_things_asked_for_become_two_calls_and_the_same_call_one(tmp_path: Path) -> None:
    reply = wire({"city": "Paris"}, {"city": "Rome"}, {"city": "Paris"})
    answer = await call_tools(tmp_path, reply, "Weather in Paris and in Rome", [WEATHER])
    assert [call["arguments"]["city"] for call in answer.fields["calls"]] == ["Paris", "Rome"]


async def test_a_figure_that_no_call_uses_is_asked_after_once(tmp_path: Path) -> None:
    def adding(*numbers: int) -> str:
        return json.dumps([{"name": "add", "arguments": {"a": number}} for number in numbers])

    completed = await call_tools(tmp_path, [adding(5), adding(5, 9)], "add 5, and add 9")
    assert [call["arguments"]["a"] for call in completed.fields["calls"]] == [5, 9]
    cut_off = await call_tools(tmp_path, [adding(5), adding(5, 9)[:40]], "add 5, and add 9")
    assert (cut_off.status, len(cut_off.fields["calls"])) == ("unverified", 1)
    kept = await call_tools(tmp_path, [adding(5), adding(77, 9)], "add 5, and add 9")
    assert [call["arguments"]["a"] for call in kept.fields["calls"]] == [5]


async def test_a_listed_figure_that_no_call_uses_wants_a_call_more(tmp_path: Path) -> None:
    def adding(request: CompletionRequest) -> str:
        more = "leaves out 2" in request.messages[-1].content
        return json.dumps([{"name": "add", "arguments": {"a": number}} for number in ((1, 2) if more else (1,))])

    launcher = ScriptedLauncher(adding)
    reply = await call_tools(tmp_path, launcher, "add 1 and 2")
    assert [call["arguments"] for call in reply.fields["calls"]] == [{"a": 1}, {"a": 2}]
    assert [request.schema["minItems"] for request in launcher.runtimes[0].requests if request.schema] == [1, 2]


async def test_a_value_that_is_nowhere_in_the_request_is_named(tmp_path: Path) -> None:
    reply = '[{"name": "send", "arguments": {"to": "Mia", "text": "unicorn"}}]'
    answer = await call_tools(tmp_path, reply, "Write to Mia", [tool("send", "", ["to", "text"], to=TEXT, text=TEXT)])
    assert [check.passed for check in answer.checks] == [True, False]
    assert any("`text` = 'unicorn'" in note for note in answer.notes)


async def test_a_call_none_of_whose_values_is_in_the_request_is_not_proposed(tmp_path: Path) -> None:
    answer = await call_tools(tmp_path, '[{"name": "add", "arguments": {"a": 7}}]', "What is the interest rate now?")
    assert answer.fields["calls"] == []
    assert "does not give `a`" in answer.text


async def test_calls_that_keep_breaking_their_schema_are_repaired_once_and_then_not_proposed(tmp_path: Path) -> None:
    stamp = tool("stamp", "", ["code"], code={"type": "string", "pattern": "^[A-Z]{3}$"})
    wrong, right = (json.dumps([{"name": "stamp", "arguments": {"code": code}}]) for code in ("abc", "ABC"))
    repaired = await call_tools(tmp_path, [wrong, right], "stamp abc", [stamp])
    assert repaired.fields["calls"] == [{"name": "stamp", "arguments": {"code": "ABC"}}]
    refused = await call_tools(tmp_path, [wrong, wrong], "stamp abc", [stamp])
    assert refused.fields["calls"] == []
    assert "does not match" in refused.text


async def test_a_schema_beyond_grammars_is_checked_afterwards(tmp_path: Path) -> None:
    odd = {"name": "odd", "parameters": {"type": "object", "properties": {"x": INTEGER}, "minProperties": 1}}
    answer = await call_tools(tmp_path, '[{"name": "odd", "arguments": {"x": 3}}]', "odd 3", [odd])
    assert answer.fields["calls"] == [{"name": "odd", "arguments": {"x": 3}}]


async def test_of_a_list_that_was_cut_off_the_whole_calls_are_kept_and_marked_partial(tmp_path: Path) -> None:
    reply = wire({"city": "Rome"}, {"city": "Rome"}, {"city": "Oslo"})
    answer = await call_tools(tmp_path, Reply(reply[:-20], finish="length"), "Weather in Rome and Oslo", [WEATHER])
    assert [call["arguments"] for call in answer.fields["calls"]] == [{"city": "Rome"}]
    assert answer.status == "partial"


def test_a_schema_with_references_can_be_followed_beside_others() -> None:
    point = {"type": "object", "properties": {"x": INTEGER, "next": {"$ref": "#/$defs/Point"}}, "required": ["x"]}
    draw = {"name": "draw", "inputSchema": {"properties": {"at": {"$ref": "#/$defs/Point"}}, "$defs": {"Point": point}}}
    tree = {"name": "tree", "parameters": {"type": "object", "properties": {"left": {"$ref": "#"}, "leaf": TEXT}}}
    grammar = schema_grammar(calls_schema(read_tools([draw, tree, ADD])))
    assert all(name in grammar for name in ("draw", "tree", "leaf", "next"))


async def test_half_a_call_is_an_abstention(tmp_path: Path) -> None:
    with pytest.raises(NoAnswer, match="cut off"):
        await call_tools(tmp_path, '[{"name": "a')


@pytest.mark.parametrize(
    ("family", "reply"),
    [
        ("lfm", "<|tool_call_start|>[add(a=1)]<|tool_call_end|>"),
        ("falcon-h1", '<tool_call>\n[{"name": "add", "arguments": {"a": 1}}]\n</tool_call>'),
        ("functiongemma", "<start_function_call>call:add{a:1}<end_function_call>"),
        ("qwen", '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>'),
    ],
)
async def test_a_family_is_shown_tools_and_read_in_its_own_form(tmp_path: Path, family: str, reply: str) -> None:
    launcher = ScriptedLauncher(reply)
    answer = await call_tools(tmp_path, launcher, catalog=f'family = "{family}"\n')
    request = launcher.runtimes[0].requests[-1]
    assert request.schema is None
    assert "add" in request.messages[0].content
    assert request.messages[-1].content == "add 1"
    assert answer.fields["calls"] == [{"name": "add", "arguments": {"a": 1}}]


async def test_a_model_may_be_bound_at_once_though_its_family_has_a_form(tmp_path: Path) -> None:
    launcher = ScriptedLauncher('[{"name": "add", "arguments": {"a": 1}}]')
    await call_tools(tmp_path, launcher, catalog='family = "qwen"\ntool_form = "bound"\n')
    assert launcher.runtimes[0].requests[-1].schema is not None


@pytest.mark.parametrize("first", ["[add(a=", "[add(a='one')]", "[subtract(a=1)]"])
async def test_calls_that_cannot_be_used_are_asked_for_again_bound_to_the_schemas(tmp_path: Path, first: str) -> None:
    launcher = ScriptedLauncher([first, '[{"name": "add", "arguments": {"a": 1}}]'])
    answer = await call_tools(tmp_path, launcher, catalog='family = "lfm"\n')
    assert [request.schema is None for request in launcher.runtimes[0].requests[1:]] == [True, False]
    assert answer.fields["calls"] == [{"name": "add", "arguments": {"a": 1}}]


async def test_a_family_that_answers_in_words_calls_nothing(tmp_path: Path) -> None:
    answer = await call_tools(tmp_path, "No tool can do that.", "fly", catalog='family = "lfm"\n')
    assert answer.fields["calls"] == []


# -- what is offered ------------------------------------------------------------------------------------------------


def test_tools_are_read_as_hosts_write_them() -> None:
    schema = {"type": "object", "properties": {}}
    tools = read_tools(
        [
            {"name": "a", "inputSchema": schema},
            {"type": "function", "function": {"name": "b"}},
            {"name": "c", "parameters": schema},
        ]
    )
    assert [tool["name"] for tool in tools] == ["a", "b", "c"]
    assert all(tool["parameters"] == schema for tool in tools)


@pytest.mark.parametrize(
    ("tools", "words"),
    [
        ([], "empty"),
        ([{"description": "x"}], "tool 1"),
        (["add"], "tool 1"),
        ([ADD, ADD], "'add'"),
        ([{"name": "x", "parameters": {"type": "nonsense"}}], "'x'"),
        ([tool("x", "", [], a={"type": "dict"})], r"at \$\.properties\.a\.type: 'dict' .* the types are object,"),
        ([{"name": "x", "parameters": {"type": "string"}}], "object"),
        ([{"name": "x", "parameters": 3}], "object"),
        ([tool(f"t{number}") for number in range(1001)], "1001 tools"),
        ([tool("t", "x" * (1 << 20))], "bytes"),
    ],
)
def test_a_wrong_list_of_tools_names_the_fault(tools: list[object], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        read_tools(tools)


async def test_a_request_of_100_kb_is_refused_with_its_length(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="100000 characters"):
        await call_tools(tmp_path, "unused", "x" * 100_000)


MANY = [tool(f"unit_{number}", f"handles the part number {number}", part=TEXT) for number in range(200)]


@pytest.mark.parametrize(
    ("request_text", "description"),
    [
        ("What is the weather in Rome?", "weather of a city"),
        ("부산 날씨를 알려줘", "도시의 날씨를 알려 준다"),
        ("부산 날씨를 알려줘", "Tells the weather of a city."),
        ("Tell me the weather in Busan", "도시의 날씨를 알려 준다"),
        ("내일 제주에 비가 올까?", "Forecast of rain for a city and a day."),
    ],
)
def test_the_tool_that_shares_words_is_kept_out_of_two_hundred(request_text: str, description: str) -> None:
    offered = [*MANY[:120], tool("forecast", description, city=TEXT), *MANY[120:]]
    shown = nearest(offered, closeness(request_text, offered))
    assert "forecast" in [one["name"] for one in shown]
    assert len(shown) <= MOST_SHOWN
    assert nearest(offered, closeness(request_text, offered)) == shown


@given(st.lists(st.text(max_size=40), min_size=1, max_size=40), st.text(max_size=60))
def test_narrowing_keeps_order_and_bounds_and_never_gives_nothing(descriptions: list[str], request_text: str) -> None:
    offered = [tool(f"t{number}", words) for number, words in enumerate(descriptions)]
    shown = nearest(offered, closeness(request_text, offered))
    assert 1 <= len(shown) <= MOST_SHOWN
    assert [one for one in offered if one in shown] == list(shown)
    assert len(shown) == 1 or sum(len(json.dumps(one, ensure_ascii=False).encode()) for one in shown) <= MOST_BYTES


async def test_two_hundred_wordy_tools_fit_into_a_context_of_4096_tokens(tmp_path: Path) -> None:
    words = "Keeps the list of parts in order and counts them by shelf and by colour. "
    wordy = [
        tool(f"unit_{number}", words * 3, ["part"], part={"type": "string", "description": words}, count=INTEGER)
        for number in range(200)
    ]
    launcher = scoring(wire({"city": "Rome"}), favourite="weather")
    answer = await call_tools(tmp_path, launcher, "What is the weather in Rome?", [*wordy, WEATHER])
    assert [options.context_tokens for options in launcher.options] == [4096]
    assert answer.fields["calls"] == [{"name": "weather", "arguments": {"city": "Rome"}}]
    assert any("of 201 tools were read" in note for note in answer.notes)


async def test_of_a_long_list_without_a_word_in_common_the_model_chooses_by_all_names(tmp_path: Path) -> None:
    launcher = scoring(wire({"city": "X"}), favourite="weather")
    answer = await call_tools(tmp_path, launcher, "§§§ X", [*MANY[:100], WEATHER, *MANY[100:]])
    assert answer.fields["calls"] == [{"name": "weather", "arguments": {"city": "X"}}]
    assert any("of 201 tools were read" in note for note in answer.notes)


@given(st.lists(st.tuples(st.text(min_size=1, max_size=80), st.text(max_size=200)), min_size=1, max_size=60))
def test_brief_lines_begin_with_the_name_and_stay_within_their_bound(texts: list[tuple[str, str]]) -> None:
    offered = [tool(name, words) for name, words in texts]
    lines = brief(offered)
    assert all(line.startswith(name) for line, (name, _) in zip(lines, texts, strict=False))
    assert 1 <= len(lines) <= len(offered)
    assert len(lines) == 1 or sum(len(line.encode(errors="replace")) + 1 for line in lines) <= MOST_BYTES


def test_names_come_apart_into_terms() -> None:
    assert terms("getWeather user_cities 날씨를") == ["get", "weath", "user", "cit", "날씨", "씨를"]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_the_likeliest_tool_comes_first(shares: list[float]) -> None:
    offered = [tool(str(number)) for number in range(len(shares))]
    chosen = [int(one["name"]) for one in likeliest(offered, shares)]
    assert chosen[0] == shares.index(max(shares))
    assert len(set(chosen)) == len(chosen)


def test_words_shared_with_the_request_outweigh_a_slight_preference_of_the_model() -> None:
    assert max(range(2), key=weighed((0.3, 0.7), (2.0, 0.0)).__getitem__) == 0
    assert weighed((0.3, 0.7), (0.0, 0.0)) == pytest.approx((0.3, 0.7))


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 50)), min_size=1, max_size=8))
def test_weights_are_shares_of_one(pairs: list[tuple[float, float]]) -> None:
    shares, scores = zip(*pairs, strict=True)
    weights = weighed(shares, scores)
    assert len(weights) == len(pairs)
    assert sum(weights) == pytest.approx(1) or not any(weights) or weights == shares


async def test_how_sure_a_model_must_be_is_its_own(tmp_path: Path) -> None:
    reply = '[{"name": "add", "arguments": {"a": 1}}]'
    called = await call_tools(tmp_path, scoring(reply, fit=0.7), catalog="least_fit = 0.6\n")
    refused = await call_tools(tmp_path, scoring(reply, fit=0.7), catalog="least_fit = 0.8\n")
    assert (len(called.fields["calls"]), refused.fields["calls"]) == (1, [])


# -- where values are from ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "request_text", "source"),
    [
        (3, "three days", "request"),
        (25, "for twenty five people", "request"),
        (5_000_000, "a loan of 5 million", "request"),
        (5000, "5천 원", "request"),
        (0.05, "at 5%", "derived"),
        (120, "2 hours", "derived"),
        (15, "at 3pm", "request"),
        (0, "at 3pm", "request"),
        (22, "밤 10시에", "request"),
        (2, "사과 두 개", "request"),
        (0.75, "3/4 of a cup", "request"),
        (41, "the 5 boxes", ""),
        ("New York", "flights to new york, please", "request"),
        ("cycling", "I want to cycle", "request"),
        ("부산", "부산에서 만나", "request"),
        ("2026-05-12", "2026년 5월 12일", "request"),
        ("Tokyo", "flights to new york", ""),
        (True, "anything", "choice"),
    ],
)
def test_a_value_is_found_in_the_request_or_nowhere(value: Any, request_text: str, source: str) -> None:
    (found,) = ground({"x": value}, {"properties": {"x": {}}}, request_text)
    assert found.source == source


@given(
    st.text(alphabet=st.characters(categories=["L", "N"]), min_size=1, max_size=30), st.text(max_size=30), st.text(max_size=30)
)
def test_a_text_copied_from_the_request_is_always_found(value: str, before: str, after: str) -> None:
    (found,) = ground({"x": value}, {"properties": {"x": {}}}, f"{before} {value} {after}")
    assert found.source == "request"


def test_figures_that_no_value_holds_are_found() -> None:
    schema = tool("t", "", [], a=INTEGER, at=TEXT)["parameters"]
    found = ground({"a": 120, "at": "14:30"}, schema, "for 2 hours at 14:30 in room 7")
    assert unused_numbers(found, "for 2 hours at 14:30 in room 7") == ("7",)


@pytest.mark.parametrize(
    ("request_text", "figure", "is_listed"),
    [
        ("the interest after 10 years and 20 years", "20", True),
        ("sizes 3, 5 and 7", "5", True),
        ("10년과 20년 뒤", "20", True),
        ("over $2,000 and $3,000", "3,000", True),
        ("a table for 2 at 7, and the phone is 555", "555", False),
        ("I am 5 and have 2 dogs", "2", False),
    ],
)
def test_figures_of_one_list_are_told_from_others(request_text: str, figure: str, *, is_listed: bool) -> None:
    assert listed_numbers([figure], request_text) == ((figure,) if is_listed else ())


@given(st.text(max_size=200))
@example("9" * 5000)
@example("1/0 of ٣ and ①")
def test_any_request_can_be_searched(request_text: str) -> None:
    assert len(ground({"x": 4, "y": "four"}, {}, request_text)) == 2


@given(st.integers(-(10**9), 10**9))
def test_a_number_copied_from_the_request_is_always_found(value: int) -> None:
    (found,) = ground({"x": value}, {"properties": {"x": {}}}, f"set it to {value} now")
    assert found.source == "request"


def test_optional_arguments_the_request_does_not_speak_of_are_left_out() -> None:
    schema = WEATHER["parameters"]
    written = {"city": "Rome", "days": 7, "unit": "kelvin"}
    assert without_guesses(written, schema, "Weather in Rome") == {"city": "Rome"}
    assert without_guesses(written, schema, "Weather in Rome for a 7 day trip, in kelvin") == written
    assert without_guesses(written, schema, "로마 날씨") == {"city": "Rome", "unit": "kelvin"}
    assert without_guesses({"x": 7}, {"type": "object"}, "7") == {}
    assert without_guesses({"x": 7}, {"additionalProperties": {"type": "integer"}}, "no") == {"x": 7}


names = st.sampled_from(["city", "days", "unit"])
values = st.one_of(st.integers(0, 99), st.sampled_from(["celsius", "Rome", "x"]), st.booleans())


@given(st.dictionaries(names, values), st.text(max_size=40))
def test_what_is_left_of_a_valid_call_is_valid(arguments: dict[str, Any], request_text: str) -> None:
    calls = [{"name": "weather", "arguments": arguments}]
    parameters = {"weather": WEATHER["parameters"]}
    if all(check.passed for check in check_calls(calls, parameters)):
        settled, _ = settle(calls, [WEATHER], request_text)
        assert all(check.passed for check in check_calls(settled, parameters))


def test_an_argument_that_the_schema_wants_with_another_is_not_taken_out() -> None:
    together = {**tool("t", "", ["a"], a=INTEGER, b=TEXT)["parameters"], "dependentRequired": {"a": ["b"]}}
    either = {"type": "object", "anyOf": [{"properties": {"x": INTEGER}}]}
    offered = [{"name": "t", "description": "", "parameters": together}, {"name": "e", "description": "", "parameters": either}]
    calls = [{"name": "t", "arguments": {"a": 1, "b": "snow"}}, {"name": "e", "arguments": {"x": 5}}]
    assert settle(calls, offered, "1 sun")[0] == calls


def test_required_numbers_that_are_nowhere_are_named_and_choices_are_not() -> None:
    schema = tool("t", "", ["a", "b", "c"], a=INTEGER, b=TEXT, c={"enum": ["x"]})["parameters"]
    assert nothing_said(ground({"a": 5, "b": "rain", "c": "x"}, schema, "rain")) == "`a`"
    assert nothing_said(ground({"a": 5, "b": "snow", "c": "x"}, schema, "sun")) == "`a`, `b`"
    assert nothing_said(ground({"a": 5, "b": "snow", "c": "x"}, schema, "5 suns")) == ""
    assert nothing_said(ground({}, {"properties": {}}, "stop")) == ""
