"""The same request gives the same tokens and the same numbers, to the last bit, whatever the engine did before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.engine_alone import AloneEngine
from tests.gguf_files import ARCHITECTURES, write_random
from tiny_moa.catalog import load_catalog
from tiny_moa.models.engine import EngineOptions, EngineRequest
from tiny_moa.models.runtime import Completion, Message
from tiny_moa.models.sampling import SamplerOptions
from tiny_moa.models.weights import WeightStore

pytestmark = pytest.mark.llama

MODELS = [*ARCHITECTURES, "smollm2"]
SYSTEM = Message("system", "You answer in one short sentence. What you are told before does not matter for what you say now.")
FIXED = (SYSTEM, Message("user", "The river is long and the fox is quick. " * 4), Message("assistant", "So they are."))
WARM = SamplerOptions(temperature=0.8, seed=7)
ASKED = {
    "plain": EngineRequest((*FIXED, Message("user", "What is quick?")), 8, WARM, fixed_messages=3),
    "long": EngineRequest((*FIXED, Message("user", "Say it all again. " * 9)), 8, WARM, fixed_messages=1),
    "opened": EngineRequest((*FIXED, Message("user", "What is long?")), 8, WARM, opening="The", fixed_messages=3),
    "short": EngineRequest((Message("user", "Hi"),), 6, WARM),
}
BETWEEN = (
    EngineRequest((*FIXED[:2], Message("assistant", "So they are, I think."), Message("user", "Why?")), 5, fixed_messages=2),
    EngineRequest((*FIXED, Message("user", "What is quick? And what")), 5, fixed_messages=1),
    EngineRequest((Message("user", "Something else altogether. " * 6),), 9, WARM),
)
Open = Callable[..., AloneEngine]


def _ignore(event: str, text: str) -> None:
    """Hear nothing."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("weights")
    for architecture in ARCHITECTURES:
        write_random(made / f"{architecture}.gguf", architecture)
    return made


def weights(folder: Path, model: str) -> Path:
    """Give a random model of an architecture, or the real one that is part of the package."""
    found = folder / f"{model}.gguf" if model != "smollm2" else WeightStore().find(load_catalog().models["smollm2-135m"])
    assert found is not None
    return found


@pytest.fixture
def open_engine(folder: Path) -> Iterator[Open]:
    opened: list[AloneEngine] = []

    def open_one(model: str, **options: Any) -> AloneEngine:
        opened.append(AloneEngine(model, weights(folder, model), EngineOptions(**{"context_tokens": 1024, **options})))
        return opened[-1]

    yield open_one
    for engine in opened:
        engine.close()


def answers(engine: AloneEngine) -> list[tuple[str, tuple[float, ...]]]:
    """Give what an engine says to each of the requests, and how likely it finds it."""
    return [said(engine.complete(replace(asked, wants_log_probabilities=True), _ignore)) for asked in ASKED.values()]


def said(completion: Completion) -> tuple[str, tuple[float, ...]]:
    return completion.text, completion.log_probabilities


@pytest.mark.parametrize("model", MODELS)
def test_an_answer_is_the_same_whatever_was_asked_before(open_engine: Open, model: str) -> None:
    expected = [
        said(open_engine(model).complete(replace(asked, wants_log_probabilities=True), _ignore)) for asked in ASKED.values()
    ]
    engine = open_engine(model)
    for between in BETWEEN:
        engine.complete(between, _ignore)
    cached = engine.statistics.cached_tokens
    assert answers(engine) == expected == answers(engine)
    assert engine.statistics.cached_tokens > cached


@pytest.mark.parametrize("model", MODELS)
def test_an_answer_is_the_same_after_parking_and_in_the_next_process(open_engine: Open, model: str, tmp_path: Path) -> None:
    engine = open_engine(model, prefixes=tmp_path)
    expected = answers(engine)
    engine.engine.park()
    assert list(tmp_path.iterdir())
    for other in (engine, open_engine(model, prefixes=tmp_path)):
        assert answers(other) == expected


@pytest.mark.parametrize("model", MODELS)
def test_answers_of_a_fan_out_are_the_same_whatever_was_asked_before(open_engine: Open, model: str) -> None:
    asked = replace(ASKED["plain"], wants_log_probabilities=True)
    expected = [said(one) for one in open_engine(model).sample(asked, 3, _ignore)]
    engine = open_engine(model)
    for between in (BETWEEN[0], ASKED["opened"]):
        engine.complete(between, _ignore)
    assert [said(one) for one in engine.sample(asked, 3, _ignore)] == expected
    assert engine.score(asked, ["Yes", "No", "a longer label"]) == open_engine(model).score(
        asked, ["Yes", "No", "a longer label"]
    )


@pytest.mark.parametrize("model", ["qwen2", "falcon-h1"])
def test_an_answer_is_the_same_with_two_threads(open_engine: Open, model: str) -> None:
    assert answers(open_engine(model, threads=2)) == answers(open_engine(model))


@pytest.mark.parametrize("model", MODELS)
def test_an_answer_is_the_same_when_its_prompt_is_read_in_smaller_parts(open_engine: Open, model: str) -> None:
    """Beside other calls a prompt is read in chunks that depend on how fast the machine is."""
    asked = replace(ASKED["plain"], wants_log_probabilities=True)
    whole, parts = (open_engine(model, batch_tokens=most).complete(asked, _ignore) for most in (64, 27))
    assert said(parts) == said(whole)
