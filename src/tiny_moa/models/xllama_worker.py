"""The process around xllamacpp: loads a model, answers several requests at a time, ends when its input closes.

Requests are `{"op": "load" | "sample" | "score" | "park", "id": n, …}`. Each is answered by events that carry its id: any
number of `phase` and `token`, then one `done` or `error`, both with the counters. The notice `{"notice": "stop", "id": n}`
stops request n: at the next token, and while it reads, after the chunk in work.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from tiny_moa.child import Frame, Reply, serve_child
from tiny_moa.errors import TinyMoAError, WorkerFailed
from tiny_moa.models.wire import adapter_of, error_event
from tiny_moa.models.xllama_engine import XllamaEngine
from tiny_moa.models.xllama_server import ServerOptions

logger = logging.getLogger(__name__)


class Worker:
    """Answers requests; holds the engine once it is loaded."""

    def __init__(self) -> None:
        self._engine: XllamaEngine | None = None
        self._stopped: set[int] = set()

    def notice(self, notice: Frame) -> None:
        """Hear of a stop, which may come before its request is begun."""
        self._stopped.add(notice["id"])

    def answer(self, request: Frame, reply: Reply) -> None:
        """Do a request and send its events; what computes goes on in a thread of its own."""
        operations = {"load": self._load, "park": self._park}
        if (operation := operations.get(request["op"])) is not None:
            self._do(lambda: operation(request), request, reply)
            return
        threading.Thread(target=self._do, args=(self._begun(request, reply), request, reply), daemon=True).start()

    def _do(self, work: Callable[[], Frame], request: Frame, reply: Reply) -> None:
        """Do some work and send its last event; every error becomes one."""
        try:
            event = {"event": "done", **work()}
        except TinyMoAError as exc:
            event = error_event(exc)
        except Exception as exc:
            logger.exception("request %r failed", request.get("op"))
            event = error_event(WorkerFailed(f"the model's process failed ({type(exc).__name__}: {exc}); call again"))
        self._stopped.discard(request["id"])
        counters = asdict(self._engine.statistics) if self._engine else {}
        reply({**event, "id": request["id"], "statistics": counters})

    def _begun(self, request: Frame, reply: Reply) -> Callable[[], Frame]:
        """Give what is left of a call when the model is there: that it is, must be seen to in this thread."""
        call, asked = request["id"], request["request"]
        try:
            engine = self._awake()
        except TinyMoAError as exc:
            return partial(_fail, exc)

        def report(event: Frame) -> None:
            reply({**event, "id": call})

        def is_stopped() -> bool:
            return call in self._stopped

        if request["op"] == "score":
            return lambda: {"scores": engine.score(asked, request["labels"], is_stopped)}
        return lambda: {"completions": [asdict(one) for one in engine.sample(asked, request["n"], report, is_stopped)]}

    def _awake(self) -> XllamaEngine:
        if self._engine is None:
            raise WorkerFailed("no model is loaded in the model's process; call again")
        self._engine.wake()
        return self._engine

    def _park(self, request: Frame) -> Frame:
        if self._engine is not None:
            self._engine.park()
        return {}

    def _load(self, request: Frame) -> Frame:
        logging.getLogger("tiny_moa").setLevel(request["log_level"])
        fields = request["options"]
        options = ServerOptions(**{**fields, "adapter": adapter_of(fields["adapter"])})
        self._engine = XllamaEngine(request["name"], Path(request["path"]), options, Path(request["folder"]))
        return {"context_tokens": self._engine.context_tokens}


def _fail(error: TinyMoAError) -> Frame:
    raise error


def main() -> None:
    """Serve until standard input closes. Ctrl-C is the parent's business, which then closes it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    worker = Worker()
    serve_child(worker.answer, worker.notice)


if __name__ == "__main__":
    main()
