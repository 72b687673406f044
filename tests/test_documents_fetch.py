"""Documents are fetched from allowed hosts only, and never from an address nobody listed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import anyio
import pytest

from tiny_moa.errors import ConversionFailed, DocumentNotFound, DocumentRefused
from tiny_moa.experts.documents.fetch import Fetcher, is_allowed, is_usable


class Site(BaseHTTPRequestHandler):
    """A site with a page, things that lead elsewhere, and one that never ends."""

    def do_GET(self) -> None:
        port = self.server.server_address[1]
        places = {
            "/away": "http://10.0.0.7/a.md",
            "/inside": f"http://localhost:{port}/a.md",
            "/file": "file:///etc/passwd",
            "/round": "/round",
            "/moved": "/a.md",
        }
        if self.path in places:
            self.send_response(302)
            self.send_header("Location", places[self.path])
            self.end_headers()
        elif self.path == "/slow":
            threading.Event().wait(20)
        elif self.path in ("/a.md", "/page"):
            body = b"# A page\n" if self.path == "/a.md" else b"<h1>B</h1>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        else:
            self.send_error(404)

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def soon(seconds: float = 10) -> float:
    return anyio.current_time() + seconds


async def test_a_document_is_fetched_and_named_by_its_url_or_its_media_type(site: str) -> None:
    fetcher = Fetcher(["127.0.0.1"])
    for path, name, content in (
        ("/a.md", "a.md", b"# A page\n"),
        ("/moved", "a.md", b"# A page\n"),
        ("/page", "page.html", b"<h1>B</h1>"),
    ):
        upload = await fetcher.fetch(site + path, deadline=soon())
        assert (upload.name, upload.content) == (name, content)


@pytest.mark.parametrize(
    ("hosts", "path", "words"),
    [
        ([], "/a.md", "nothing is fetched"),
        (["example.org"], "/a.md", "not among those allowed"),
        (["127.0.0.1"], "/away", "host '10.0.0.7' is not among"),
        (["127.0.0.1"], "/inside", "host 'localhost' is not among"),
        (["127.0.0.1"], "/file", "only plain http and https"),
        (["127.0.0.1"], "/round", "leads on more than 5 times"),
    ],
)
async def test_what_is_not_allowed_is_refused_after_a_redirect_too(site: str, hosts: list[str], path: str, words: str) -> None:
    with pytest.raises(DocumentRefused, match=words):
        await Fetcher(hosts).fetch(site + path, deadline=soon())


async def test_a_name_that_leads_to_this_machine_is_refused_at_the_connection(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lookup(host: str, port: int, **options: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", ("127.0.0.1", port))]

    monkeypatch.setattr(anyio, "getaddrinfo", lookup)  # no name of ours leads to this machine everywhere
    with pytest.raises(DocumentRefused, match=r"has the private address 127\.0\.0\.1"):
        await Fetcher(["*.example.org"]).fetch(site.replace("127.0.0.1", "a.example.org") + "/a.md", deadline=soon())


async def test_too_much_too_late_and_nothing_there_are_errors(site: str) -> None:
    with pytest.raises(DocumentRefused, match="more than the 4 bytes"):
        await Fetcher(["127.0.0.1"], max_bytes=4).fetch(site + "/a.md", deadline=soon())
    with pytest.raises(ConversionFailed, match="not fetched in time"):
        await Fetcher(["127.0.0.1"]).fetch(site + "/slow", deadline=soon(0.3))
    with pytest.raises(DocumentNotFound, match="status 404"):
        await Fetcher(["127.0.0.1"]).fetch(site + "/no", deadline=soon())
    with pytest.raises(DocumentNotFound, match="cannot be fetched"):
        await Fetcher(["127.0.0.1"]).fetch("http://127.0.0.1:1/a.md", deadline=soon())


@pytest.mark.parametrize(
    ("host", "allowed", "expected"),
    [
        ("example.org", ["example.org"], True),
        ("EXAMPLE.org.", ["example.org"], True),
        ("a.example.org", ["*.example.org"], True),
        ("example.org", ["*.example.org"], False),
        ("badexample.org", ["*.example.org"], False),
        ("example.org.evil", ["example.org"], False),
    ],
)
def test_a_host_is_allowed_by_its_name(host: str, allowed: list[str], expected: bool) -> None:
    assert is_allowed(host, allowed) is expected


INNER = "127.0.0.1 10.1.2.3 192.168.0.1 169.254.169.254 ::1 fe80::1%eth0 fd00::1 0.0.0.0 ::ffff:127.0.0.1 224.0.0.1 100.64.0.1"


@pytest.mark.parametrize("address", INNER.split())
def test_an_inner_address_is_used_only_when_it_is_listed(address: str) -> None:
    assert not is_usable(address, ["example.org"])
    assert is_usable("93.184.216.34", ["example.org"])
    assert is_usable("10.1.2.3", ["10.1.2.3"]) and is_usable("::1", ["localhost"]) and not is_usable("10.1.2.3", ["localhost"])
