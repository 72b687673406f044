"""The process around one engine: loads a model, lets calls take turns on it, ends when standard input closes.

Requests are `{"op": "load" | "complete" | "score" | "park" | "store", "id": …}`. Each is answered by events that carry its
id: any number of `phase` and `token`, then one `done` or `error`, both with the counters. An error carries the name of its
class and what its constructor takes. A stop is not a message but a shared flag, one for each call in flight, which native
code reads while it computes; only the parent lowers it. A notice `{"notice": "stop"}` is answered by `alive` at once, so that
a process that is busy with another call's step can be told from one that hangs.
"""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tiny_moa.child import ChildWire, Frame, Reply
from tiny_moa.errors import TinyMoAError, WorkerFailed
from tiny_moa.models.compute_slot import ComputeSlot
from tiny_moa.models.engine import Engine, EngineOptions, EngineRequest
from tiny_moa.models.memory import Steps
from tiny_moa.models.runtime import Message, Piece
from tiny_moa.models.sampling import SamplerOptions
from tiny_moa.models.stopflag import StopFlag, StopFlags
from tiny_moa.models.turns import Standing, Wish, clock_after, next_turn
from tiny_moa.models.wire import adapter_of, error_event

logger = logging.getLogger(__name__)
MODULE = __name__ if __name__ != "__main__" else "tiny_moa.models.worker"


@dataclass
class _Call:
    """A call in progress: its steps, and where it stands in the row."""

    id: int
    flag: StopFlag
    steps: Steps[Frame]
    spent: float
    wish: Wish | None = None


class Worker:
    """Holds the engine once it is loaded, and the calls that take turns on it."""

    def __init__(self, reply: Reply, compute: ComputeSlot) -> None:
        self._reply = reply
        self._compute = compute
        self._engine: Engine | None = None
        self._flags: StopFlags | None = None
        self._calls: list[_Call] = []
        self._clock = 0.0

    @property
    def is_idle(self) -> bool:
        """Whether no call is in progress."""
        return not self._calls

    def begin(self, request: Frame) -> None:
        """Take a request: a call is put in the row, anything else is done at once."""
        operations = {"complete": self._complete, "score": self._score}
        if (operation := operations.get(request["op"])) is None:
            self._answer(request)
            return
        flag = StopFlag.private() if self._flags is None else self._flags[request["flag"]]
        call = _Call(request["id"], flag, operation(request, flag), self._clock)
        self._calls.append(call)
        self._step(call)  # renders and tokenises; it computes nothing before its first wish

    def turn(self) -> None:
        """Let one call do one step, when it is this process's turn to compute."""
        for call in [each for each in self._calls if each.wish is None or each.flag.is_raised]:
            self._step(call)  # to look whether it may go on, or to end
        ready = [call for call in self._calls if call.wish is not None]
        if not ready:
            for call in list(self._calls):
                self._fail(call, WorkerFailed("calls in the model's process wait for each other; call again"))
            return
        call = ready[next_turn([Standing(call.spent, call.wish.left) for call in ready if call.wish])]
        with self._compute.turn(self._is_interrupted, threads=self._loaded().threads) as may_go:
            if may_go and call.wish:
                call.spent += call.wish.cost
                self._clock = clock_after(self._clock, call.wish.cost, len(ready))
                self._step(call)

    def _is_interrupted(self) -> bool:
        return any(call.flag.is_raised for call in self._calls)

    def _step(self, call: _Call) -> None:
        try:
            call.wish = next(call.steps)
        except StopIteration as ended:
            self._end(call, {"event": "done", **ended.value})
        except TinyMoAError as exc:
            self._end(call, error_event(exc))
        except Exception as exc:
            logger.exception("a call failed")
            self._fail(call, WorkerFailed(f"the model's process failed ({type(exc).__name__}: {exc}); call again"))

    def _fail(self, call: _Call, error: WorkerFailed) -> None:
        call.steps.close()
        self._end(call, error_event(error))

    def _end(self, call: _Call, event: Frame) -> None:
        self._calls.remove(call)
        self._send(call.id, event)

    def _send(self, call: int, event: Frame) -> None:
        counters = asdict(self._engine.statistics) if self._engine else {}
        self._reply({**event, "id": call, "statistics": counters})

    # -- operations ---------------------------------------------------------------------------------------------------

    def _answer(self, request: Frame) -> None:
        """Do a request that is no call."""
        operations: dict[str, Callable[[Frame], Frame]] = {"load": self._load, "park": self._park, "store": self._store}
        try:
            event = {"event": "done", **operations[request["op"]](request)}
        except TinyMoAError as exc:
            event = error_event(exc)
        except Exception as exc:
            logger.exception("request %r failed", request.get("op"))
            event = error_event(WorkerFailed(f"the model's process failed ({type(exc).__name__}: {exc}); call again"))
        self._send(request["id"], event)

    def _load(self, request: Frame) -> Frame:
        logging.getLogger("tiny_moa").setLevel(request["log_level"])
        self._flags = StopFlags.attach(Path(request["flags"]))
        options = dict(request["options"])
        options["prefixes"] = Path(options["prefixes"]) if options["prefixes"] else None
        options["adapter"] = adapter_of(options["adapter"])
        self._engine = Engine(request["name"], Path(request["path"]), EngineOptions(**options))
        self._engine.calls = lambda: len(self._calls)
        return {"context_tokens": self._engine.context_tokens}

    def _park(self, request: Frame) -> Frame:
        self._loaded().park()
        return {}

    def _store(self, request: Frame) -> Frame:
        self._loaded().store()
        return {}

    def _complete(self, request: Frame, flag: StopFlag) -> Steps[Frame]:
        def report(event: str, text: str, answer: int) -> None:
            self._reply({"id": request["id"], "event": event, "text": text, "answer": answer})

        wanted = _engine_request(request["request"])
        completions = yield from self._loaded().complete(wanted, request["n"], flag, report)
        return {"completions": [asdict(completion) for completion in completions]}

    def _score(self, request: Frame, flag: StopFlag) -> Steps[Frame]:
        return {"scores": (yield from self._loaded().score(_engine_request(request["request"]), request["labels"], flag))}

    def _loaded(self) -> Engine:
        if self._engine is None:
            raise WorkerFailed("no model is loaded in the model's process; call again")
        return self._engine


def _engine_request(fields: dict[str, Any]) -> EngineRequest:
    return EngineRequest(
        messages=tuple(Message(**message) for message in fields["messages"]),
        max_tokens=fields["max_tokens"],
        sampling=SamplerOptions(**fields["sampling"]),
        stops=tuple(fields["stops"]),
        schema=fields["schema"],
        opening=fields["opening"],
        fixed_messages=fields["fixed_messages"],
        wants_log_probabilities=fields["wants_log_probabilities"],
        raw=tuple(Piece(**piece) for piece in fields["raw"]),
    )


def main() -> None:
    """Serve until standard input closes. Ctrl-C is the parent's business, which then closes it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    wire = ChildWire(lambda notice: wire.reply({"event": "alive"}))
    worker = Worker(wire.reply, ComputeSlot())
    while True:
        for request in wire.requests(wait=worker.is_idle):
            worker.begin(request)
        if not worker.is_idle:
            worker.turn()


if __name__ == "__main__":
    main()
