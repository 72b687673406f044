"""Where the bytes of a document come from: a file under the roots, or an upload; read once, safely, with its digest."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import anyio
import anyio.to_thread

from tiny_moa.errors import ConversionFailed, DocumentRefused, InvalidRequest
from tiny_moa.experts.documents.document import DocumentRef
from tiny_moa.experts.documents.formats import SUPPORTED, find_format, why_not_read
from tiny_moa.experts.documents.library import MAX_BYTES, DocumentLibrary


@dataclass(frozen=True)
class Upload:
    """A document that came with the request, not from a root.

    Attributes:
        name: Its file name, whose suffix says the format.
        content: The whole file.
        uri: What to call it in answers; made from the name when it is empty.
    """

    name: str
    content: bytes
    uri: str = ""


Source = str | Upload


@dataclass(frozen=True)
class Content:
    """A document that is open for reading.

    Attributes:
        ref: Which document.
        path: A file that holds it, for the process that converts.
        content: Its bytes.
        digest: Their SHA-256.
    """

    ref: DocumentRef
    path: Path
    content: bytes
    digest: str


@asynccontextmanager
async def opened(source: Source, library: DocumentLibrary) -> AsyncIterator[Content]:
    """Open a source for as long as the body runs.

    Raises:
        DocumentError: It cannot be found or may not be read.
        InvalidRequest: An upload has no usable name.
    """
    if isinstance(source, Upload):
        ref = _upload_ref(source)
        with tempfile.TemporaryDirectory(prefix="tiny-moa-") as folder:
            path = Path(folder) / f"document{ref.suffix}"
            await anyio.Path(path).write_bytes(source.content)
            yield Content(ref, path, source.content, hashlib.sha256(source.content).hexdigest())
        return
    ref = await anyio.to_thread.run_sync(library.locate, source, abandon_on_cancel=True)
    content, digest = await anyio.to_thread.run_sync(_read_file, ref, source, abandon_on_cancel=True)
    yield Content(ref, ref.path, content, digest)


def decode_upload(name: str, text: str) -> Upload:
    """Read base64.

    Raises:
        InvalidRequest: It is none, or there is no name.
        DocumentRefused: It is over the limit.
    """
    if len(text) > MAX_BYTES // 3 * 4 + 8:
        raise DocumentRefused(f"{name!r} has more than the {MAX_BYTES} bytes that are read; split the document")
    try:
        content = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise InvalidRequest(
            f"content of {name!r} is not base64; send the file's bytes in base64, without a data: prefix"
        ) from exc
    return Upload(name, content)


def _upload_ref(upload: Upload) -> DocumentRef:
    name = upload.name.replace("\\", "/").rsplit("/", 1)[-1].strip()
    suffix = Path(name).suffix.lower()
    document_format = find_format(suffix)
    if not name or not suffix or not name.isprintable():
        raise DocumentRefused(f"{upload.name!r} does not say a format that is read; supported are {SUPPORTED}")
    if document_format is None:
        raise DocumentRefused(f"{name!r} is of no format that is read: {why_not_read(suffix)}")
    if not upload.content:
        raise ConversionFailed(f"{name!r} is empty: it has 0 bytes")
    if len(upload.content) > MAX_BYTES:
        raise DocumentRefused(f"{name!r} has {len(upload.content)} bytes and the limit is {MAX_BYTES}; split the document")
    uri = upload.uri or f"upload:{quote(name)}"
    return DocumentRef(uri, name, Path(name), len(upload.content), suffix, document_format.mime_type)


def _read_file(ref: DocumentRef, source: str) -> tuple[bytes, str]:
    """Read a located file whole, with its digest; a link or a pipe put in its place since is not followed or waited for."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(ref.path, flags)
    except OSError as exc:
        raise DocumentRefused(f"{source!r} cannot be opened: {exc.strerror}") from exc
    with os.fdopen(descriptor, "rb") as file:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise DocumentRefused(f"{source!r} is not a plain file; pipes, sockets and devices are not read")
        content = file.read(ref.size_bytes + 1)
        after = os.fstat(descriptor)
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size) or len(content) != ref.size_bytes:
        raise DocumentRefused(f"{source!r} was changed while it was read; call again when it is saved")
    if not content:
        raise ConversionFailed(f"{source!r} is empty: it has 0 bytes")
    return content, hashlib.sha256(content).hexdigest()
