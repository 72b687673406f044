"""Runs Python that nobody has read, in a fresh interpreter process without files, network or environment; judges nothing.

The interpreter is Monty: a subset of Python in a process of its own, which ends with the run. It keeps limits of time,
memory and recursion by itself, and is killed when it does not. Programs are rewritten for it where that changes nothing. What
it cannot do is nobody's mistake: such a run is *refused*, and says what was missing.
"""

from __future__ import annotations

import ast
import builtins
import logging
import os
import re
import signal
import sys
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

import anyio
import anyio.to_thread

from tiny_moa.experts.rewriting import ignored_method, rewritten

if TYPE_CHECKING:
    from pydantic_monty import MontyError

logger = logging.getLogger(__name__)

Kind = Literal["finished", "raised", "timeout", "memory", "recursion", "refused", "crashed"]
MAX_SOURCE_CHARS = 100_000
_PRINTED_BYTES = 64 * 1024
_GRACE_SECONDS = 0.5
"""How long the interpreter may take to notice its own time limit before it is killed."""
_START_SECONDS = 0.2
"""What the start and the end of a process may take, generously."""
_LEAST_SECONDS = 0.1
_SHOWN = "_shown_value_"
_SHOW = f"def {_SHOWN}(value, show=repr, most=%d):\n    return show(value)[:most]"
_MISSING = (
    (re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'"), "the module {0}"),
    (re.compile(r"ImportError: cannot import name '(\w+)' from '([\w.]+)'"), "{1}.{0}"),
    (re.compile(r"AttributeError: module '([\w.]+)' has no attribute '(\w+)'"), "{0}.{1}"),
    (re.compile(r"NotImplementedError: The monty syntax parser does not yet support (?:the )?(.+)"), "{0}"),
    (re.compile(r"NotImplementedError: (.*[Mm]onty.*)"), "{0}"),
    (re.compile(r"NotImplementedError: (Wildcard imports) "), "{0}"),
    (re.compile(r"PermissionError: Permission denied: (.+)"), "access to files ({0})"),
    (re.compile(r"RuntimeError: (Internal error in monty: .*)"), "{0}"),
    (re.compile(r"\w+: '([\w.]+)' is not supported in this environment"), "{0}"),
)
_NO_NAME = re.compile(r"NameError: name '(\w+)' is not defined")
_NO_ATTRIBUTE = re.compile(r"AttributeError: (?:type object )?'(?:[\w.]+\.)?(\w+)'(?: object)? has no attribute '(\w+)'")
_LIBRARY: Mapping[str, type] = {
    one.__name__: one for one in (Counter, defaultdict, deque, date, datetime, timedelta, Decimal, re.Pattern, re.Match)
}


@dataclass(frozen=True)
class Limits:
    """What one run may take.

    Attributes:
        seconds: Time of execution; the process is killed half a second later at the latest.
        memory_bytes: The heap of the program, kept apart from ours.
        recursion: Calls inside each other.
        value_chars: How much of the value is given back.
    """

    seconds: float = 2.0
    memory_bytes: int = 64 << 20
    recursion: int = 500
    value_chars: int = 4_000

    def within(self, seconds: float) -> Limits | None:
        """Give the limits of a run that must end within some seconds, `None` when that is too little for any."""
        left = seconds - _START_SECONDS
        return replace(self, seconds=min(self.seconds, left)) if left >= _LEAST_SECONDS else None


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        kind: `finished`; `raised`: an exception, syntax errors included, came out of the program; `timeout`, `memory`,
            `recursion`: a limit; `refused`: the sandbox lacks what the program wants, so the run says nothing about the
            program; `crashed`: the interpreter itself died.
        value: The `repr` of the program's last statement when that is an expression, cut to the limit; else empty.
        printed: What it printed.
        error: `Type: message` of what ended it; for `refused`, what the sandbox lacks, as a noun.
    """

    kind: Kind
    value: str = ""
    printed: str = ""
    error: str = ""


async def run_program(source: str, *, limits: Limits | None = None) -> Outcome:
    """Run a program in a fresh process and say how it ended; never raises for anything the program does.

    Cancelling ends the process.

    Args:
        source: Python; its last statement may be an expression, whose value comes back.
        limits: What it may take, `Limits()` when it is `None`.
    """
    bounds = limits or Limits()
    if len(source) > MAX_SOURCE_CHARS:
        return Outcome("refused", error=f"room for {len(source)} characters of source; {MAX_SOURCE_CHARS} are the most")
    try:
        program = _showing_its_value(_runnable(source))
    except SyntaxError as exc:
        return Outcome("raised", error=f"SyntaxError: {exc.msg} (line {exc.lineno})")
    except (RecursionError, MemoryError):
        return Outcome("recursion", error="SyntaxError: the source is too deeply nested")
    except ValueError as exc:
        return Outcome("raised", error=f"SyntaxError: {exc}")
    outcome = await _run(program, bounds)
    if outcome.kind == "raised" and (ignored := ignored_method(program, outcome.error)):
        return replace(outcome, kind="refused", error=ignored)
    return outcome


def _runnable(source: str) -> str:
    """The program in the interpreter's own words, or as it is when it is too deep or too large to be written anew."""
    try:
        return rewritten(source)
    except (RecursionError, ValueError):
        return source


async def _run(program: str, limits: Limits) -> Outcome:
    """Run in a thread of its own; when that is cancelled, the process is killed and the thread ends by itself.

    The library's asynchronous form is not used: its threads abort the interpreter now and then when that ends.
    """
    job = _Job(program, limits)
    try:
        return await anyio.to_thread.run_sync(job.run, abandon_on_cancel=True)
    except anyio.get_cancelled_exc_class():
        job.cancel()
        raise


class _Job:
    """One program in one process, from a thread that waits for it."""

    def __init__(self, program: str, limits: Limits) -> None:
        self._program = program
        self._limits = limits
        self._holding = threading.Lock()
        self._pid: int | None = None
        self._is_cancelled = False

    def cancel(self) -> None:
        """Kill the process, now or as soon as there is one."""
        with self._holding:
            self._is_cancelled = True
            if self._pid is not None:
                with suppress(OSError):
                    os.kill(self._pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)

    def run(self) -> Outcome:
        """Start the process, run, end the process."""
        try:
            from pydantic_monty import CollectString, Monty, MontyError
        except ImportError:
            return Outcome("refused", error="its own package, which `pip install 'tiny-moa[experts]'` adds")
        printed = CollectString(max_bytes=_PRINTED_BYTES)
        wanted = {"limits": _monty_limits(self._limits), "os_policy": {"sleep": "zero"}}
        pool = Monty(max_processes=1, feed_duration_limit_grace=_GRACE_SECONDS, request_timeout=self._limits.seconds + 1)
        try:
            with pool, pool.checkout(**wanted) as session, self._held(session.worker_pid):
                session.feed_run(_SHOW % self._limits.value_chars)
                value = session.feed_run(self._program, print_callback=printed)
        except (OSError, RuntimeError) as exc:  # the library raises plain `RuntimeError` when the process does not start
            logger.warning("the sandbox cannot be started: %s", exc)
            return Outcome("refused", error=f"a process of its own, which cannot be started here: {exc}")
        except MontyError as exc:
            return _failure(exc, printed.output)
        return Outcome("finished", value if isinstance(value, str) else "", printed.output)

    @contextmanager
    def _held(self, pid: int | None) -> Iterator[None]:
        """Have `cancel` kill this process as long as it is ours."""
        with self._holding:
            self._pid = pid
        if self._is_cancelled:
            self.cancel()
        try:
            yield
        finally:
            with self._holding:
                self._pid = None


def _monty_limits(limits: Limits) -> dict[str, float | int]:
    return {
        "max_feed_duration_secs": limits.seconds,
        "max_memory": limits.memory_bytes,
        "max_recursion_depth": limits.recursion,
        "max_suspensions": 10,
        "max_total_sleep_secs": 0.0,
    }


def _showing_its_value(source: str) -> str:
    """Have a program whose last statement is an expression give the `repr` of that value, and nothing else give any.

    A value of another size than a short text never leaves the sandbox.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: The source does not parse.
    """
    body = ast.parse(source).body
    if not body or not isinstance(last := body[-1], ast.Expr):
        return source + "\nNone\n"
    lines = [line.encode() for line in source.splitlines(keepends=True)]
    if last.end_lineno is None or last.end_col_offset is None or last.end_lineno > len(lines):
        return source + "\nNone\n"
    end, start = lines[last.end_lineno - 1], last.value.col_offset
    lines[last.end_lineno - 1] = end[: last.end_col_offset] + b"))" + end[last.end_col_offset :]
    first = lines[last.value.lineno - 1]
    lines[last.value.lineno - 1] = first[:start] + f"{_SHOWN}((".encode() + first[start:]
    return b"".join(lines).decode()


def _failure(exc: MontyError, printed: str) -> Outcome:
    """Name the way a run ended that did not finish."""
    if getattr(exc, "timed_out", False):
        return Outcome("timeout", printed=printed, error="TimeoutError: the program had to be killed")
    if not hasattr(exc, "display"):
        return Outcome("crashed", printed=printed, error=str(exc))
    error = exc.display("type-msg")
    name = error.partition(":")[0]
    if name == "TimeoutError" and "time limit exceeded" in error:
        return Outcome("timeout", printed=printed, error=error)
    if name == "MemoryError":
        return Outcome("memory", printed=printed, error=error)
    if name == "RecursionError" or "too deeply nested" in error:
        return Outcome("recursion", printed=printed, error=error)
    if missing := missing_feature(error):
        return Outcome("refused", printed=printed, error=missing)
    return Outcome("raised", printed=printed, error=error)


def missing_feature(error: str) -> str:
    """Say what the sandbox lacks when `Type: message` of an exception is the sandbox's fault; empty when it is not.

    A name or a method is lacking when Python itself has it.
    """
    for pattern, words in _MISSING:
        if found := pattern.match(error):
            return words.format(*found.groups())
    if (found := _NO_NAME.match(error)) and hasattr(builtins, found[1]):
        return f"the function {found[1]}()"
    if (found := _NO_ATTRIBUTE.match(error)) and hasattr(getattr(builtins, found[1], _LIBRARY.get(found[1])), found[2]):
        return f"{found[1]}.{found[2]}"
    return ""
