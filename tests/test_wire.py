from __future__ import annotations

from dataclasses import asdict

import pytest

from tiny_moa.errors import ContextExceeded, InvalidRequest, TinyMoAError, WeightsInvalid, WeightsMissing, WorkerFailed
from tiny_moa.models.runtime import Completion, PrefixStatistics, RuntimeStatistics, Usage
from tiny_moa.models.wire import completion_of, error_event, error_of, resident_bytes_of, statistics_of

ERRORS = [
    ContextExceeded("m", 9, 8),
    WeightsMissing("m", "gone"),
    WeightsInvalid("bad"),
    InvalidRequest("no"),
    WorkerFailed("dead"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_crosses_the_pipe_with_its_class_text_and_values(error: TinyMoAError) -> None:
    crossed = error_of(error_event(error), "m")
    assert type(crossed) is type(error)
    assert str(crossed) == str(error)
    assert vars(crossed) == vars(error)


@pytest.mark.parametrize("kind", ["SystemExit", "annotations", "ModelErrorr", "UnknownExpert", None])
def test_an_error_of_no_known_class_is_a_failed_worker(kind: str | None) -> None:
    assert type(error_of({"event": "error", "kind": kind, "message": "x"}, "m")) is WorkerFailed


def test_completions_and_counters_cross_the_pipe_unchanged() -> None:
    completion = Completion("hi", "length", Usage(1, 2, 3, 0.5, 0.25), (-0.5, -0.25))
    counters = RuntimeStatistics(requests=1, prefixes=(PrefixStatistics(5, 2),))
    assert completion_of(asdict(completion)) == completion
    assert statistics_of(asdict(counters)) == counters
    assert statistics_of({}) == RuntimeStatistics()


def test_a_process_that_does_not_exist_holds_nothing() -> None:
    assert resident_bytes_of(None) == resident_bytes_of(2**30) == 0
