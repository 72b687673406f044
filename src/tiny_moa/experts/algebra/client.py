"""Asks the child that knows SymPy: one question at a time, within a time limit; the child is kept and replaced when it fails."""

from __future__ import annotations

import importlib.util
import logging
from dataclasses import dataclass
from typing import Final

import anyio

from tiny_moa.child import ChildProcess, Frame
from tiny_moa.errors import WorkerFailed
from tiny_moa.experts.algebra.question import Question

logger = logging.getLogger(__name__)

WORKER: Final = "tiny_moa.experts.algebra.worker"
"""The module that the child runs."""
SECONDS: Final = 10.0
"""The longest that one question may take, the start of the child apart."""
_START_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Solved:
    """An exact answer, every part of it checked.

    Attributes:
        answer: The answer as written.
        lines: What is shown before it.
        checks: Pairs of what was looked at and how.
        approximate: The answer as a decimal number, where that helps; else empty.
        values: The values in the answer, such as each solution.
    """

    answer: str
    lines: tuple[str, ...]
    checks: tuple[tuple[str, str], ...]
    approximate: str
    values: tuple[str, ...]


class AlgebraClient:
    """The parent's side of closed forms.

    Args:
        worker: The module that the child runs; the seam at which tests put a fake.
        seconds: The longest that one question may take.
    """

    def __init__(self, *, worker: str = WORKER, seconds: float = SECONDS) -> None:
        self._worker = worker
        self._seconds = seconds
        self._lock = anyio.Lock()
        self._child: ChildProcess | None = None
        self._questions = 0

    @property
    def pid(self) -> int | None:
        """The child's process id, `None` when there is no child."""
        return self._child.pid if self._child else None

    async def solve(self, question: Question, *, deadline: float) -> Solved | str:
        """Answer a question, or say why not.

        Args:
            question: What to answer.
            deadline: Time on the event loop's clock by which this returns.

        Cancelling ends the child, as does a question that takes too long; the next one starts another.
        """
        if importlib.util.find_spec("sympy") is None:
            return "SymPy is not installed; `pip install 'tiny-moa[experts]'` adds it"
        async with self._lock:
            answered = False
            try:
                with anyio.CancelScope(deadline=deadline):
                    answer = await self._asked(question)
                    answered = not answer.get("spent", False)
                    return _read(answer)
            except WorkerFailed as exc:
                logger.info("the child for closed forms failed: %s", exc)
                return "the process that computes it ended, probably for want of memory"
            finally:
                if not answered:
                    await self._end()
        return "there was no time left for it"

    async def aclose(self) -> None:
        """End the child; harmless when there is none. A later question starts a new one."""
        async with self._lock:
            await self._end()

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            await child.kill()

    async def _asked(self, question: Question) -> Frame:
        self._questions += 1
        is_fresh = self._child is None or not self._child.is_alive
        child = await self._running()
        await child.send({"id": self._questions, "op": question.op, "args": dict(question.args)})
        with anyio.move_on_after(self._seconds + (_START_SECONDS if is_fresh else 0)):
            return await child.receive()
        return {"declined": f"it takes more than {self._seconds:.0f} s", "spent": True}

    async def _running(self) -> ChildProcess:
        if self._child is None or not self._child.is_alive:
            await self._end()
            self._child = ChildProcess(self._worker, "the process for closed forms", {"MALLOC_ARENA_MAX": "2"})
            await self._child.start()
        return self._child


def _read(answer: Frame) -> Solved | str:
    if "declined" in answer:
        return str(answer["declined"])
    checks = tuple((str(what), str(how)) for what, how in answer["checks"])
    return Solved(str(answer["answer"]), tuple(answer["lines"]), checks, str(answer["approximate"]), tuple(answer["values"]))
