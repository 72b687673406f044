"""The process in which documents are converted: takes a request, guards itself, answers with pages or an error.

Started as `python -m tiny_moa.experts.documents.worker`. It imports docling once, in parts, and forks the workers that convert.
They have no network, a cap on their memory, and read nothing but the file they are asked for.
"""

from __future__ import annotations

import hashlib
import logging
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from tiny_moa.child import Frame, Reply
from tiny_moa.errors import ConversionFailed, DocumentError, DocumentRefused
from tiny_moa.experts.documents.forks import serve_forks
from tiny_moa.experts.documents.loading import load_docling
from tiny_moa.experts.documents.memory import cap_memory, holds_models, is_spent
from tiny_moa.experts.documents.vision import find_endpoint

logger = logging.getLogger(__name__)

_NETWORK_EVENTS: Final = frozenset(
    {"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}
)


def main() -> None:
    """Answer requests until standard input closes."""
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR)
    logging.getLogger("docling").setLevel(logging.CRITICAL)  # it logs a traceback for every damaged file
    endpoint = find_endpoint()
    forbid_network(endpoint.host if endpoint else "")
    serve_forks(answer, load_docling, cap_memory)


def answer(request: Frame, reply: Reply) -> None:
    """Do one request and send one reply, after any number of notes about pages that are done.

    `{"op": "convert", "path", "name", "suffix", "digest", "seconds"}`, with `pages`, `password` and `wants` as
    `convert` takes them, is answered with the pages, or with `error` (the name of an exception of `tiny_moa.errors`) and
    `message`. Before that come `{"done", "of"}`, numbers of pages. `{"op": "look", ...}` is answered with `page_count`
    and `outline` of a PDF. `{"op": "modules"}` is answered with the names of the modules that are loaded. `spent` is set
    when this process should not be used again, `kept` when it has loaded models.
    """
    try:
        found = {"id": request.get("id"), **_respond(request, reply)}
        reply(found | ({"spent": True} if is_spent() else {"kept": holds_models()}))
    except DocumentError as exc:
        reply(_failure(request, type(exc).__name__, str(exc)))
    except (MemoryError, RecursionError) as exc:
        what = "more memory than it may use" if isinstance(exc, MemoryError) else "a deeper recursion than Python allows"
        message = f"{request.get('name')!r} needs {what} to convert; split or simplify the document"
        reply(_failure(request, ConversionFailed.__name__, message, spent=True))
    except Exception as exc:  # the edge of the process: a converter may raise anything
        logger.exception("conversion failed")
        message = f"{request.get('name')!r} could not be converted: the converter failed with {type(exc).__name__}"
        reply(_failure(request, ConversionFailed.__name__, message, spent=True))


def forbid_network(allowed: str = "") -> None:
    """Make every attempt of this process to open a connection or look up a name fail, for good.

    Args:
        allowed: The one host that stays reachable, that of the user's vision model.
    """
    addresses = {allowed} if allowed else set()
    if allowed:
        with suppress(OSError):
            addresses |= {str(found[4][0]) for found in socket.getaddrinfo(allowed, None)}

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _NETWORK_EVENTS and (event == "socket.bind" or _host(event, arguments) not in addresses):
            raise PermissionError(f"the document process has no network ({event})")

    sys.addaudithook(refuse)


def _host(event: str, arguments: tuple[Any, ...]) -> str:
    """Give the host that a network event is about."""
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        return str(arguments[0])
    address = arguments[1]
    return str(address[0]) if isinstance(address, tuple) else str(address)


def _respond(request: Frame, reply: Reply) -> Frame:
    if request.get("op") == "modules":
        return {"modules": sorted(sys.modules)}
    from tiny_moa.experts.documents.convert import ALL_PAGES, convert
    from tiny_moa.experts.documents.look import look_at_pdf

    name, password = str(request["name"]), str(request.get("password", ""))
    content = _read(str(request["path"]), name, str(request["digest"]))
    if request.get("op") == "look":
        return look_at_pdf(content, password)
    first, last = request.get("pages") or ALL_PAGES

    def on_page(done: int, of: int) -> None:
        reply({"id": request.get("id"), "done": done, "of": of})

    return convert(
        content, name, suffix=str(request["suffix"]), seconds=float(request["seconds"]), pages=(first, last),
        password=password, on_page=on_page, wants=request.get("wants", ()),
    )  # fmt: skip


def _read(path: str, name: str, digest: str) -> bytes:
    """Read the file once, so that what is checked is what is converted."""
    try:
        content = Path(path).read_bytes()
    except OSError as exc:
        raise DocumentRefused(f"{name!r} cannot be opened any more: {exc.strerror}") from exc
    if hashlib.sha256(content).hexdigest() != digest:
        raise DocumentRefused(f"{name!r} was changed while it was read; call again when it is saved")
    return content


def _failure(request: Frame, error: str, message: str, *, spent: bool = False) -> Frame:
    return {"id": request.get("id"), "error": error, "message": message, "spent": spent}


if __name__ == "__main__":
    main()
