"""Tests of a child process and its frames."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.child import ChildProcess, pack, unpack
from tiny_moa.errors import WorkerFailed

ROOT = str(Path(__file__).parents[1])
MODULE = "tests.echo_child"


@asynccontextmanager
async def _child(**environ: str) -> AsyncIterator[ChildProcess]:
    child = ChildProcess(MODULE, "the echo", {"PYTHONPATH": ROOT, **environ})
    with anyio.fail_after(60):
        try:
            await child.start()
            yield child
        finally:
            await child.kill()


@given(st.dictionaries(st.text(), st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5), max_size=4))
def test_a_message_comes_out_of_its_frame_as_it_went_in(message: dict[str, object]) -> None:
    frame = pack(message)
    assert struct.unpack(">I", frame[:4])[0] == len(frame) - 4
    assert unpack(frame[4:]) == message


def test_half_a_character_survives_a_frame() -> None:
    assert unpack(pack({"text": "\ud83d"})[4:]) == {"text": "\ud83d"}


async def test_a_child_answers_in_turn() -> None:
    async with _child() as child:
        for text in ("", "한글 😀\n", "x" * 3_000_000):
            await child.send({"op": "echo", "text": text})
            assert await child.receive() == {"got": text}
        assert child.is_alive


async def test_what_a_child_prints_does_not_reach_the_wire_and_it_reads_nothing() -> None:
    async with _child() as child:
        await child.send({"op": "print"})
        assert await child.receive() == {"stdin": ""}


async def test_a_notice_reaches_a_busy_child() -> None:
    async with _child() as child:
        await child.send({"op": "await notice"})
        assert await child.receive() == {"ready": True}
        await child.send({"notice": "go"})
        assert await child.receive() == {"noticed": True}


async def test_a_cancelled_wait_loses_nothing() -> None:
    frame = pack({"text": "whole"})
    async with _child(ECHO_RAW=(frame[:9]).hex()) as torn:
        with anyio.move_on_after(0.5) as scope:
            await torn.receive()
        assert scope.cancelled_caught
    async with _child() as child:
        with anyio.CancelScope() as early:
            early.cancel()
            await child.receive()
        await child.send({"op": "echo", "text": "a"})
        assert await child.receive() == {"got": "a"}


async def test_a_dead_child_is_an_error_that_says_how_it_ended() -> None:
    async with _child() as child:
        await child.send({"op": "die"})
        with pytest.raises(WorkerFailed, match="the echo ended by signal 9"):
            await child.receive()
        assert not child.is_alive


@pytest.mark.parametrize(
    ("wire", "why"), [(b"\xff\xff\xff\xff", "4294967295 bytes"), (b"\0\0\0\2[]", "not a JSON"), (b"\0\0\0\1{", "not a JSON")]
)
async def test_a_child_that_breaks_the_protocol_is_ended(wire: bytes, why: str) -> None:
    async with _child(ECHO_RAW=wire.hex()) as child:
        with pytest.raises(WorkerFailed, match=why):
            await child.receive()
        assert not child.is_alive


async def test_a_killed_child_takes_no_more_requests() -> None:
    async with _child() as child:
        await child.kill()
        await child.kill()
        with pytest.raises(WorkerFailed):
            await child.send({"op": "echo", "text": ""})
        with pytest.raises(WorkerFailed):
            await child.receive()


async def test_a_child_that_was_not_started_says_so() -> None:
    child = ChildProcess(MODULE, "the echo")
    assert (child.is_alive, child.pid) == (False, None)
    attempts: list[Callable[[], object]] = [lambda: child.send({}), child.receive]
    for attempt in attempts:
        with pytest.raises(WorkerFailed, match="was not started"):
            await attempt()  # type: ignore[misc]
    await child.kill()


@pytest.mark.parametrize("request_", [None, {"op": "hang"}], ids=["idle", "busy"])
def test_a_child_ends_with_its_standard_input(request_: dict[str, str] | None) -> None:
    process = subprocess.Popen([sys.executable, "-m", MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        if request_ is not None:
            process.stdin.write(pack(request_))
            process.stdin.flush()
            assert process.stdout.read(4)
        process.stdin.close()
        assert process.wait(60) == 0


async def test_a_child_never_imports_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "anyio.py").write_text("raise SystemExit('a stranger was imported')")
    monkeypatch.chdir(tmp_path)
    async with _child() as child:
        await child.send({"op": "echo", "text": "a"})
        assert await child.receive() == {"got": "a"}
