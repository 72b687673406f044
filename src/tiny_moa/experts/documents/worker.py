"""The process in which documents are converted: takes a request, guards itself, answers with pages or an error.

Started as `python -m tiny_moa.experts.documents.worker`. It has no network, a cap on its memory, and reads nothing
but the file it is asked for. docling is imported with the first request, never in the parent.
"""

from __future__ import annotations

import hashlib
import logging
import sys
from pathlib import Path
from typing import Any, Final

from tiny_moa.child import Frame, Reply, serve_child
from tiny_moa.errors import ConversionFailed, DocumentError, DocumentRefused

logger = logging.getLogger(__name__)

MAX_MEMORY_BYTES: Final = 4 << 30
"""Address space of the process; every honest document measured stayed below 1.2 GB."""
_NETWORK_EVENTS: Final = frozenset(
    {"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}
)


def main() -> None:
    """Answer requests until standard input closes."""
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR)
    logging.getLogger("docling").setLevel(logging.CRITICAL)  # it logs a traceback for every damaged file
    cap_memory()
    forbid_network()
    serve_child(answer)


def answer(request: Frame, reply: Reply) -> None:
    """Do one request and send exactly one reply.

    `{"op": "convert", "path", "name", "digest", "seconds"}` is answered with the pages, or with `error` (the name of
    an exception of `tiny_moa.errors`), `message`, and `spent` when this process should not be used again.
    `{"op": "modules"}` is answered with the names of the modules that are loaded.
    """
    try:
        reply({"id": request.get("id"), **_respond(request)})
    except DocumentError as exc:
        reply(_failure(request, type(exc).__name__, str(exc)))
    except (MemoryError, RecursionError) as exc:
        what = "more memory than it may use" if isinstance(exc, MemoryError) else "a deeper recursion than Python allows"
        message = f"{request.get('name')!r} needs {what} to convert; split or simplify the document"
        reply(_failure(request, ConversionFailed.__name__, message, spent=True))
    except Exception as exc:  # the edge of the process: a converter may raise anything
        logger.exception("conversion failed")
        message = f"{request.get('name')!r} could not be converted: the converter failed with {type(exc).__name__}"
        reply(_failure(request, ConversionFailed.__name__, message))


def cap_memory(limit_bytes: int = MAX_MEMORY_BYTES) -> None:
    """Make this process fail an allocation instead of filling the machine, where the system can."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        limit_bytes = min(limit_bytes, hard)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, hard))
    except (ValueError, OSError):
        logger.warning("the memory of the document process could not be capped")


def forbid_network() -> None:
    """Make every attempt of this process to open a connection or look up a name fail, for good."""

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _NETWORK_EVENTS:
            raise PermissionError(f"the document process has no network ({event})")

    sys.addaudithook(refuse)


def _respond(request: Frame) -> Frame:
    if request.get("op") == "modules":
        return {"modules": sorted(sys.modules)}
    from tiny_moa.experts.documents.convert import convert

    name = str(request["name"])
    content = _read(str(request["path"]), name, str(request["digest"]))
    return convert(content, name, suffix=str(request["suffix"]), seconds=float(request["seconds"]))


def _read(path: str, name: str, digest: str) -> bytes:
    """Read the file once, so that what is checked is what is converted."""
    content = Path(path).read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise DocumentRefused(f"{name!r} was changed while it was read; call again when it is saved")
    return content


def _failure(request: Frame, error: str, message: str, *, spent: bool = False) -> Frame:
    return {"id": request.get("id"), "error": error, "message": message, "spent": spent}


if __name__ == "__main__":
    main()
