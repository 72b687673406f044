"""Tests of the native edge: files that are no models, calls that would end the process, the log."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from tests.engine_alone import AloneEngine
from tests.gguf_files import write_random
from tiny_moa.errors import WeightsInvalid, WeightsMissing, WorkerFailed
from tiny_moa.models.engine import EngineOptions, EngineRequest
from tiny_moa.models.native import ContextSize, NativeContext, NativeModel, Row
from tiny_moa.models.native_log import NativeLog
from tiny_moa.models.runtime import Message
from tiny_moa.models.stopflag import StopFlag

pytestmark = pytest.mark.llama

FLAG = StopFlag.private()
ASK = EngineRequest((Message("user", "Say something."),), 24)


def _ignore(event: str, text: str) -> None:
    pass


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_random(tmp_path_factory.mktemp("weights") / "qwen2.gguf", "qwen2")


# -- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "begins with b''"),
        (b"PK\x03\x04 zip", "PK"),
        (b"GGUF\x01\0\0\0", "version 1"),
        (b"GGUF\x03\0\0\0" + bytes(64), "llama.cpp"),
    ],
)
def test_a_file_that_is_no_model_is_refused_by_name(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(WeightsInvalid, match=why) as caught:
        AloneEngine("m", path, EngineOptions())
    assert "'model.gguf'" in str(caught.value)


def test_a_torn_file_is_refused(weights: Path, tmp_path: Path) -> None:
    whole = weights.read_bytes()
    (tmp_path / "torn.gguf").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsInvalid, match=r"torn\.gguf"):
        AloneEngine("m", tmp_path / "torn.gguf", EngineOptions())


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing) as caught:
        AloneEngine("m", tmp_path / "none.gguf", EngineOptions())
    assert caught.value.model == "m"


@pytest.mark.parametrize(("template", "why"), [("", "no chat template"), ("{% if %}", "not valid Jinja")])
def test_a_model_that_cannot_chat_is_refused(tmp_path: Path, template: str, why: str) -> None:
    path = write_random(tmp_path / "m.gguf", "qwen2", template=template)
    with pytest.raises(WeightsInvalid, match=why):
        AloneEngine("m", path, EngineOptions())


def test_weights_that_are_no_numbers_are_found_out(tmp_path: Path) -> None:
    path = write_random(tmp_path / "m.gguf", "llama", output_norm__weight=np.full(64, np.nan, np.float32))
    engine = AloneEngine("m", path, EngineOptions(context_tokens=256))
    for attempt in (lambda: engine.complete(ASK, _ignore), lambda: engine.score(ASK, ["a", "b"])):
        with pytest.raises(WeightsInvalid, match="no numbers"):
            attempt()
    engine.close()


def test_an_impossible_context_is_an_error(weights: Path) -> None:
    for sequences in (0, 65, 300):
        with pytest.raises(ValueError, match="sequences"):
            AloneEngine("m", weights, EngineOptions(sequences=sequences))


# -- the native edge --------------------------------------------------------------------------------------------------


def test_every_deadly_call_is_refused_before_it_is_made(weights: Path) -> None:
    model = NativeModel("m", weights)
    context = NativeContext(model, ContextSize(256, 2, 8), 1)
    row = Row(5, 0, 0, False)
    for rows in (
        [],
        [row] * 9,
        [row._replace(sequence=2)],
        [row._replace(token=10**6)],
        [row._replace(token=-1)],
        [row._replace(position=-1)],
    ):
        with pytest.raises(ValueError, match=r"batch|sequence|outside"):
            context.decode(rows, FLAG)
    context.decode([row], FLAG)
    for attempt in (lambda: context.logits(0), lambda: context.copy(0, 2), lambda: context.drop(-1)):
        with pytest.raises(ValueError, match=r"logits|sequence"):
            attempt()
    context.close()
    context.close()
    with pytest.raises(ValueError, match="closed"):
        context.decode([row], FLAG)
    model.close()
    model.close()


def test_a_batch_llama_refuses_is_an_error(weights: Path) -> None:
    model = NativeModel("m", weights)
    context = NativeContext(model, ContextSize(256, 2, 8), 1)
    context.decode([Row(5, 0, 0, False)], FLAG)
    with pytest.raises(WorkerFailed, match="could not compute"):
        context.decode([Row(5, 7, 0, False)], FLAG)
    context.close()
    model.close()


def test_log_pieces_become_lines(caplog: pytest.LogCaptureFixture) -> None:
    log = NativeLog()
    with caplog.at_level(logging.DEBUG, "tiny_moa.llama"):
        for level, text in ((2, b"loading"), (5, b" ..."), (5, b" done\nnext\n"), (4, b"broken\xff\n"), (3, b""), (4, None)):
            log.take(level, text)
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("DEBUG", "loading ... done"),
        ("DEBUG", "next"),
        ("WARNING", "broken\ufffd"),
    ]
    assert log.why() == "broken\ufffd"
    assert log.why() == "no reason given"


def test_what_is_logged_while_stopping_is_no_warning(caplog: pytest.LogCaptureFixture, weights: Path) -> None:
    flag = StopFlag.private()
    engine = AloneEngine("m", weights, EngineOptions(context_tokens=256), flag)
    caplog.clear()
    engine.complete(ASK, lambda event, text: flag.raise_())
    assert not [record for record in caplog.records if record.levelno >= logging.INFO]
    engine.close()
