"""Fetches a document from a host that the user allowed: bounded in time and size, never from an address nobody named."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import unquote, urljoin, urlsplit

import anyio

from tiny_moa.errors import ConversionFailed, DocumentNotFound, DocumentRefused
from tiny_moa.experts.documents.formats import FORMATS, find_format
from tiny_moa.experts.documents.library import MAX_BYTES
from tiny_moa.experts.documents.sources import Upload

MAX_REDIRECTS: Final = 5
_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "tiny-moa"}
_REDIRECTS: Final = (301, 302, 303, 307, 308)


class Fetcher:
    """Fetches from some hosts.

    The address of a host is looked up once and checked before the connection is made to that very address, so that a
    name cannot lead inside. An address of this machine or of a private network is used only when it is listed itself;
    `localhost` may be listed by its name.

    Args:
        hosts: Names, addresses, or `*.example.org` for every host below that name. None means that nothing is fetched.
        max_bytes: Largest document.
    """

    def __init__(self, hosts: Sequence[str], *, max_bytes: int = MAX_BYTES) -> None:
        self._hosts = tuple(host.lower() for host in hosts)
        self._max_bytes = max_bytes

    async def fetch(self, url: str, *, deadline: float) -> Upload:
        """Fetch a document.

        Raises:
            DocumentRefused: The host or its address is not allowed, or the document is too large.
            DocumentNotFound: The host has no such document, or cannot be reached.
            ConversionFailed: The deadline came first.
        """
        with anyio.CancelScope(deadline=deadline):
            return await self._follow(url)
        raise ConversionFailed(
            f"{url!r} was not fetched in time; raise deadline_seconds, or fetch it into a folder open for reading"
        )

    async def _follow(self, url: str) -> Upload:
        import httpcore2

        at = url
        for _ in range(MAX_REDIRECTS + 1):
            self._check(at)
            pool = httpcore2.AsyncConnectionPool(
                network_backend=_checked_backend(self._hosts), ssl_context=ssl.create_default_context()
            )
            try:
                async with (
                    pool,
                    pool.stream("GET", at, headers={"Accept-Encoding": "identity", "User-Agent": "tiny-moa"}) as reply,
                ):
                    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in reply.headers}
                    if reply.status in _REDIRECTS and headers.get("location"):
                        at = urljoin(at, headers["location"])
                        continue
                    if reply.status != 200:
                        raise DocumentNotFound(f"{at!r} answered with status {reply.status}, not with a document")
                    return Upload(_name_of(at, headers), await self._body(at, reply), at)
            except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError, OSError) as exc:
                raise DocumentNotFound(f"{at!r} cannot be fetched: {type(exc).__name__}") from exc
        raise DocumentRefused(f"{url!r} leads on more than {MAX_REDIRECTS} times")

    async def _body(self, url: str, reply: Any) -> bytes:
        body = bytearray()
        async for part in reply.aiter_stream():
            body += part
            if len(body) > self._max_bytes:
                raise DocumentRefused(f"{url!r} has more than the {self._max_bytes} bytes that are read")
        return bytes(body)

    def _check(self, url: str) -> None:
        parts = urlsplit(url)
        if not self._hosts:
            raise DocumentRefused(
                f"{url!r} is a URL and nothing is fetched; put the file into a folder open for reading, or allow its host "
                "with TINY_MOA_URL_HOSTS"
            )
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
            raise DocumentRefused(f"{url!r} is not fetched; only plain http and https URLs are")
        if not is_allowed(parts.hostname, self._hosts):
            raise DocumentRefused(f"host {parts.hostname!r} is not among those allowed; add it to TINY_MOA_URL_HOSTS")


def is_allowed(host: str, allowed: Iterable[str]) -> bool:
    """Tell whether a host is allowed: by its name, or by a name it is below."""
    host = host.lower().rstrip(".")
    return any(host == entry or (entry.startswith("*.") and host.endswith(entry[1:])) for entry in allowed)


def is_usable(address: str, allowed: Iterable[str]) -> bool:
    """Tell whether a connection to an address may be made: it is public, or listed itself."""
    found = ipaddress.ip_address(address.split("%")[0])
    if (mapped := getattr(found, "ipv4_mapped", None)) is not None:
        found = mapped
    names = set(allowed)
    return (found.is_global and not found.is_multicast) or str(found) in names or (found.is_loopback and "localhost" in names)


def _checked_backend(hosts: Sequence[str]) -> Any:
    """Give a network backend that connects to checked addresses only."""
    import httpcore2

    class CheckedBackend(httpcore2.AnyIOBackend):  # type: ignore[misc, name-defined, unused-ignore]
        """Looks a host up, checks what it finds, and connects to that."""

        async def connect_tcp(self, host: str, port: int, *rest: Any, **options: Any) -> Any:
            found = await anyio.getaddrinfo(host, port, type=1)
            addresses = list(dict.fromkeys(str(place[4][0]) for place in found))
            usable = [address for address in addresses if is_usable(address, hosts)]
            if not usable:
                raise DocumentRefused(
                    f"host {host!r} has the private address {addresses[0]}, which is not used; list that address in "
                    "TINY_MOA_URL_HOSTS to allow it"
                )
            return await super().connect_tcp(usable[0], port, *rest, **options)

    return CheckedBackend()


def _name_of(url: str, headers: dict[str, str]) -> str:
    """Name what was fetched so that its suffix says the format: by the URL, else by the media type."""
    name = unquote(PurePosixPath(urlsplit(url).path).name) or "document"
    if find_format(PurePosixPath(name).suffix):
        return name
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    suffix = next((suffix for suffix, known in FORMATS.items() if known.mime_type == kind), "")
    return f"{PurePosixPath(name).stem or 'document'}{suffix}"
