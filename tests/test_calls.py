"""Tests of many calls over one stream: everybody gets their own messages, whoever reads and whoever leaves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiny_moa.child import Frame
from tiny_moa.errors import WorkerFailed
from tiny_moa.models.calls import Calls

GUARD_SECONDS = 10


class ScriptedChild:
    """The parent's end of a child that says what it is told to; it fails when two read at once."""

    def __init__(self) -> None:
        self._say, self._said = anyio.create_memory_object_stream[Frame | None](1000)
        self._is_read = False
        self.sent: list[Frame] = []

    def say(self, *messages: Frame | None) -> None:
        """Say messages; `None` is the end of the child."""
        for message in messages:
            self._say.send_nowait(message)

    async def send(self, message: Frame) -> None:
        await anyio.lowlevel.checkpoint()
        self.sent.append(message)

    async def receive(self) -> Frame:
        assert not self._is_read
        self._is_read = True
        try:
            message = await self._said.receive()
        finally:
            self._is_read = False
        if message is None:
            raise WorkerFailed("the child ended")
        return message

    def close(self) -> None:
        self._say.close()
        self._said.close()


def _calls() -> tuple[Calls, ScriptedChild]:
    child = ScriptedChild()
    anything: Any = child
    return Calls(anything), child


async def test_each_call_gets_its_own_messages_in_order() -> None:
    calls, child = _calls()
    got: dict[int, list[int]] = {}

    async def listen(count: int) -> None:
        with calls.open() as call:
            got[call] = [(await calls.receive(call))["value"] for _ in range(count)]

    with anyio.fail_after(GUARD_SECONDS):
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(listen, 4)
            await anyio.wait_all_tasks_blocked()
            child.say(*({"id": call, "value": value} for value in range(4) for call in (3, 1, 2)))
    assert got == {1: [0, 1, 2, 3], 2: [0, 1, 2, 3], 3: [0, 1, 2, 3]}
    assert len(calls) == 0
    child.close()


async def test_when_the_reader_is_cancelled_another_reads() -> None:
    calls, child = _calls()
    got: list[Frame] = []
    scope = anyio.CancelScope()

    async def leave() -> None:
        with scope, calls.open() as call:
            await calls.receive(call)

    async def stay() -> None:
        with calls.open() as call:
            got.append(await calls.receive(call))

    with anyio.fail_after(GUARD_SECONDS):
        async with anyio.create_task_group() as group:
            group.start_soon(leave)
            await anyio.wait_all_tasks_blocked()
            group.start_soon(stay)
            await anyio.wait_all_tasks_blocked()
            scope.cancel()
            await anyio.wait_all_tasks_blocked()
            child.say({"id": 1}, {"id": 2, "mine": True})
    assert got == [{"id": 2, "mine": True}]
    child.close()


async def test_the_end_of_the_child_reaches_everybody_once() -> None:
    calls, child = _calls()
    failed = 0

    async def listen() -> None:
        nonlocal failed
        with calls.open() as call, pytest.raises(WorkerFailed, match="the child ended"):
            await calls.receive(call)
        failed += 1

    with anyio.fail_after(GUARD_SECONDS):
        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(listen)
            await anyio.wait_all_tasks_blocked()
            child.say({"event": "alive"}, None)
        with calls.open() as call, pytest.raises(WorkerFailed):
            await calls.receive(call)
    assert failed == 4
    child.close()


async def test_what_was_heard_before_the_end_is_not_lost() -> None:
    calls, child = _calls()
    with anyio.fail_after(GUARD_SECONDS), calls.open() as one, calls.open() as two:
        child.say({"id": two, "value": 1}, {"id": one, "value": 2}, None)
        assert (await calls.receive(one))["value"] == 2
        assert (await calls.receive(two))["value"] == 1
        for call in (one, two):
            with pytest.raises(WorkerFailed):
                await calls.receive(call)
    child.close()


async def test_messages_for_a_call_that_left_are_dropped() -> None:
    calls, child = _calls()
    with anyio.fail_after(GUARD_SECONDS):
        with calls.open() as gone:
            pass
        with calls.open() as here:
            child.say({"id": gone}, {"id": here})
            assert await calls.receive(here) == {"id": here}
    child.close()


_ends = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=6)


@settings(max_examples=30, deadline=None)
@given(_ends, st.randoms(use_true_random=False))
def test_nobody_waits_for_ever_whoever_leaves_when(ends: Sequence[tuple[int, bool]], random: Any) -> None:
    """Each call takes some messages and then leaves, some of them by being cancelled while they wait for one more."""
    messages = [call for call, (count, _) in enumerate(ends, 1) for _ in range(count)]
    random.shuffle(messages)

    async def main() -> None:
        calls, child = _calls()
        taken: dict[int, int] = {}

        async def listen(count: int, is_cancelled: bool) -> None:
            with anyio.CancelScope() as scope, calls.open() as call:
                taken[call] = 0
                for _ in range(count):
                    await calls.receive(call)
                    taken[call] += 1
                if is_cancelled:
                    scope.cancel()
                    await calls.receive(call)

        with anyio.fail_after(GUARD_SECONDS):
            async with anyio.create_task_group() as group:
                for count, is_cancelled in ends:
                    group.start_soon(listen, count, is_cancelled)
                await anyio.wait_all_tasks_blocked()
                for call in messages:
                    child.say({"id": call})
                    await anyio.lowlevel.checkpoint()
        assert taken == {call: count for call, (count, _) in enumerate(ends, 1)}
        child.close()

    anyio.run(main)
