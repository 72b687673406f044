"""How requests, answers and errors cross the pipe between a runtime and its worker, the same for every engine.

Both ends import it, so it needs no validation library.
"""

from __future__ import annotations

import mmap
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tiny_moa import errors
from tiny_moa.child import Frame
from tiny_moa.errors import ContextExceeded, TinyMoAError, WeightsMissing, WorkerFailed
from tiny_moa.models.runtime import AdapterFile, Completion, CompletionRequest, PrefixStatistics, RuntimeStatistics, Usage

ENVIRON = {"GOMP_SPINCOUNT": "1000", "GGML_NO_BACKTRACE": "1"}
"""For every worker: OpenMP threads that spin longer collapse beside a busy neighbour; an abort must not start a debugger."""


def request_fields(request: CompletionRequest) -> dict[str, Any]:
    """Write a request as plain values."""
    return {
        "messages": [asdict(message) for message in request.messages],
        "max_tokens": request.max_tokens,
        "sampling": request.sampling.model_dump(),
        "stops": request.stops,
        "schema": request.schema,
        "opening": request.opening,
        "fixed_messages": request.fixed_messages,
        "wants_log_probabilities": request.wants_log_probabilities,
        "raw": [asdict(piece) for piece in request.raw],
    }


def adapter_fields(adapter: AdapterFile | None) -> dict[str, Any] | None:
    """Write an adapter as plain values."""
    return None if adapter is None else {**asdict(adapter), "path": str(adapter.path)}


def adapter_of(fields: dict[str, Any] | None) -> AdapterFile | None:
    """Read an adapter that was written as plain values."""
    return None if fields is None else AdapterFile(**{**fields, "path": Path(fields["path"])})


def completion_of(fields: Frame) -> Completion:
    """Read a completion that was written with `asdict`."""
    return Completion(fields["text"], fields["finish"], Usage(**fields["usage"]), tuple(fields["log_probabilities"]))


def statistics_of(fields: Frame) -> RuntimeStatistics:
    """Read counters that were written with `asdict`."""
    prefixes = tuple(PrefixStatistics(**each) for each in fields.get("prefixes", ()))
    return RuntimeStatistics(**{**fields, "prefixes": prefixes})


def error_event(error: TinyMoAError) -> Frame:
    """Write an error of ours so that the other process can raise the same one."""
    fields: dict[str, Any] = {}
    if isinstance(error, ContextExceeded):
        fields = {"prompt_tokens": error.prompt_tokens, "context_tokens": error.context_tokens}
    elif isinstance(error, WeightsMissing):
        fields = {"model": error.model}
    return {"event": "error", "kind": type(error).__name__, "message": str(error), "fields": fields}


def error_of(event: Frame, model: str) -> TinyMoAError:
    """Build the error an event describes; a `WorkerFailed` for one that nobody understands."""
    kind = getattr(errors, str(event.get("kind")), None)
    text, fields = str(event.get("message")), event.get("fields", {})
    if kind is ContextExceeded:
        return ContextExceeded(model, fields["prompt_tokens"], fields["context_tokens"])
    if kind is WeightsMissing:
        return WeightsMissing(fields["model"], text)
    if isinstance(kind, type) and issubclass(kind, (errors.ModelError, errors.RequestError)) and kind is not errors.UnknownExpert:
        return kind(text)
    return WorkerFailed(f"the process of model {model!r} said what nobody understands: {event}"[:500])


def resident_bytes_of(pid: int | None) -> int:
    """Give a process's resident memory, mapped files included; 0 when it has ended, or where the system does not show it."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * mmap.PAGESIZE
    except (OSError, ValueError, IndexError):
        return 0


def ignore(event: Frame) -> None:
    """Hear an event and do nothing."""
