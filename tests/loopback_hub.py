"""A model hub on 127.0.0.1: the endpoints the real client asks for a file, with counters and faults to order.

It answers as the hub does: a HEAD or GET of `/OWNER/NAME/resolve/REVISION/FILE` is redirected to a content host with the
commit, the digest and the size in headers; the content host honours ranges. Not served: listings, uploads, Xet.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Served:
    """One file of the hub.

    Attributes:
        content: Its bytes.
        digest: What the hub says its SHA-256 is; the true one unless told.
        needs_token: The token without which the hub answers 401; `None` for an open file.
        refused_with: The status every request for it is answered with.
        ignores_ranges: Whether the whole file is sent whatever was asked for.
        stop_after: How many bytes each connection gives before `held` is set and it waits for `go_on` or breaks.
        breaks: Whether it breaks there instead of waiting.
        sent: The ranges that were sent, as start and end, in order.
        heads: How often its data were asked for.
        asked: Released each time they were.
    """

    content: bytes
    digest: str = ""
    needs_token: str | None = None
    refused_with: int | None = None
    ignores_ranges: bool = False
    stop_after: int | None = None
    breaks: bool = False
    sent: list[tuple[int, int]] = field(default_factory=list)
    heads: int = 0
    asked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    held: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.true_digest = hashlib.sha256(self.content).hexdigest()
        self.digest = self.digest or self.true_digest

    @property
    def sent_bytes(self) -> int:
        """How many bytes of it left the hub, over all connections."""
        return sum(end - start for start, end in self.sent)


class Hub(ThreadingHTTPServer):
    """The hub.

    Attributes:
        files: Its files by `OWNER/NAME/FILE`.
        seen_tokens: The authorisation of each request to the content host.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, Served] = {}
        self.seen_tokens: list[str | None] = []

    @property
    def endpoint(self) -> str:
        """What HF_ENDPOINT must be."""
        return f"http://127.0.0.1:{self.server_port}"

    def serve(self, repo: str, file: str, served: Served) -> Served:
        """Put a file into a repository."""
        self.files[f"{repo}/{file}"] = served
        return served

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that go away."""


@contextmanager
def running_hub() -> Iterator[Hub]:
    """Run a hub in a thread."""
    with Hub() as hub:
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            for served in hub.files.values():
                served.go_on.set()
            hub.shutdown()
            thread.join()


def environ_of(hub: Hub, folder: Path, **more: str) -> dict[str, str]:
    """Give the environment of a process whose hub this is and whose home, cache and data are below a folder."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("TINY_MOA_", "HF_", "HUGGINGFACE_"))}
    mine = {
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder / "data"),
        "HF_HOME": str(folder / "hf"),
        "HF_ENDPOINT": hub.endpoint,
    }
    return {**kept, **mine, **more}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, *arguments: object) -> None:
        """Keep standard error clean."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        parts = self.path.strip("/").split("/")
        if parts[0] == "content":
            self._content("/".join(parts[1:]))
        elif len(parts) >= 5 and parts[2] == "resolve":
            self._resolve(f"{parts[0]}/{parts[1]}", parts[3], "/".join(parts[4:]))
        else:
            self._refuse(404, "RepoNotFound")

    def _resolve(self, repo: str, revision: str, file: str) -> None:
        if not any(name.startswith(f"{repo}/") for name in self.server.files):
            self._refuse(401, "RepoNotFound")
        elif revision not in ("main", COMMIT):
            self._refuse(404, "RevisionNotFound")
        elif (served := self.server.files.get(f"{repo}/{file}")) is None:
            self._refuse(404, "EntryNotFound")
        elif served.needs_token and self.headers["Authorization"] != f"Bearer {served.needs_token}":
            self._refuse(401, "GatedRepo")
        elif served.refused_with:
            self._refuse(served.refused_with, "")
        else:
            self._redirect(served, f"{repo}/{file}")

    def _redirect(self, served: Served, name: str) -> None:
        if self.command == "HEAD":
            served.heads += 1
            served.asked.release()
        self.send_response(302)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("X-Linked-Etag", f'"{served.digest}"')
        self.send_header("X-Linked-Size", str(len(served.content)))
        self.send_header("Location", f"http://localhost:{self.server.server_port}/content/{name}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _content(self, name: str) -> None:
        served = self.server.files[name]
        self.server.seen_tokens.append(self.headers["Authorization"])
        asked = self.headers["Range"]
        start = int(asked.removeprefix("bytes=").split("-")[0]) if asked and not served.ignores_ranges else 0
        body = served.content[start:]
        self.send_response(206 if asked and not served.ignores_ranges else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Range", f"bytes {start}-{len(served.content) - 1}/{len(served.content)}")
        self.end_headers()
        if self.command == "GET":
            self._send(served, start, body)

    def _send(self, served: Served, start: int, body: bytes) -> None:
        cut = len(body) if served.stop_after is None else min(served.stop_after, len(body))
        self.wfile.write(body[:cut])
        self.wfile.flush()
        served.sent.append((start, start + cut))
        if cut == len(body):
            return
        served.held.set()
        if not served.breaks and served.go_on.wait(30):
            self.wfile.write(body[cut:])
            served.sent.append((start + cut, start + len(body)))
        else:
            self.close_connection = True
