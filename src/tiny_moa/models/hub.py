"""Fetches one file from a model hub into the hub client's cache: resumes, checks, and keeps nothing wrong.

The only importer of huggingface_hub, inside the functions that need it. The client's own download begins anew after every
interruption, so the bytes are streamed here, through the client's session, into `blobs/DIGEST.incomplete`.
"""

from __future__ import annotations

import errno
import importlib.util
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from tiny_moa.errors import FetchFailed, HubMissing
from tiny_moa.models import stores
from tiny_moa.models.weights import digest_of
from tiny_moa.sources import HubFile

logger = logging.getLogger(__name__)

Report = Callable[[int, int], None]
"""Hears how many bytes of a file are here and how many it has; called from the fetching thread."""
_SPARE_BYTES = 64 * 2**20
"""What is left free on the disk beside the files."""
_TRIES = 5
"""How often in a row a connection may break without a single new byte."""
_STREAM_SECONDS = 30.0
"""How long the hub may be silent in the middle of a file."""


def free_bytes(folder: Path) -> int:
    """Give the free space of the disk that holds a folder, which need not exist yet."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


@dataclass(frozen=True)
class _Offer:
    """What the hub says a file is."""

    commit: str
    etag: str
    size: int

    @property
    def digest(self) -> str | None:
        """Its SHA-256; small files that are kept in the repository itself have another mark."""
        return self.etag if len(self.etag) == 64 else None


@dataclass(frozen=True)
class HubClient:
    """Fetches files as the environment says: `HF_ENDPOINT`, `HF_HOME`, `HF_HUB_OFFLINE`, `HF_TOKEN`.

    Attributes:
        environ: That environment.
        free: What tells the free space of a disk.
        pause_seconds: How long to wait after a broken connection.
    """

    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    free: Callable[[Path], int] = free_bytes
    pause_seconds: float = 1.0

    def fetch(self, file: HubFile, report: Report, stop: Event) -> Path:
        """Bring a file into the hub cache and give its path there; one that is there is not asked for again.

        Two fetches of one file, in one process or several, share the work: the later one waits.

        Args:
            file: The file; its repository must be given.
            report: Hears the progress.
            stop: Set by another thread to end early; what was fetched is kept for the next time.

        Raises:
            HubMissing: The hub client is not installed.
            FetchFailed: The hub cannot be reached, refuses, or offers another file; the disk is full or read-only;
                `stop` was set.
        """
        cache = stores.hub_cache(self.environ)
        there = stores.snapshot_path(cache, file)
        if there is not None and there.is_file() and file.bytes in (None, there.stat().st_size):
            return there
        if stores.is_offline(self.environ):
            raise _failed(file, "is not on this machine, and HF_HUB_OFFLINE forbids to fetch it; unset the variable")
        if importlib.util.find_spec("huggingface_hub") is None:
            raise HubMissing('the package huggingface-hub is not installed, and pulls need it; run: pip install "tiny-moa[hub]"')
        with _explained(file, cache):
            return self._fetch(file, cache, report, stop)

    def _fetch(self, file: HubFile, cache: Path, report: Report, stop: Event) -> Path:
        from huggingface_hub.utils import WeakFileLock

        offer = self._offer(file)
        _compare(file, offer)
        folder = stores.repo_folder(cache, file)
        blob = folder / "blobs" / offer.etag
        lock = cache / ".locks" / folder.name / f"{offer.etag}.lock"
        for needed in (blob, lock):
            needed.parent.mkdir(parents=True, exist_ok=True)
        with WeakFileLock(lock):
            if not blob.is_file() or blob.stat().st_size != offer.size:
                self._complete(file, offer, blob, report, stop)
            report(offer.size, offer.size)
            return _publish(folder, file, offer.commit, blob)

    def _offer(self, file: HubFile) -> _Offer:
        """Ask what the hub has.

        Raises:
            FetchFailed: It does not say enough to keep the file safely.
        """
        from huggingface_hub import get_hf_file_metadata

        told = get_hf_file_metadata(self._address(file, file.revision or stores.MAIN), endpoint=self._endpoint())
        if told.commit_hash is None or told.etag is None or told.size is None:
            raise _failed(file, "is offered without its commit, mark or size; check what HF_ENDPOINT points to")
        return _Offer(told.commit_hash, told.etag, told.size)

    def _address(self, file: HubFile, revision: str) -> str:
        from huggingface_hub import hf_hub_url

        return hf_hub_url(file.repo or "", file.file, revision=revision, endpoint=self._endpoint())

    def _endpoint(self) -> str | None:
        return self.environ.get("HF_ENDPOINT", "").rstrip("/") or None

    def _complete(self, file: HubFile, offer: _Offer, blob: Path, report: Report, stop: Event) -> None:
        """Bring the missing rest of a file and put the whole in its place if it is the right one."""
        part = blob.with_name(f"{offer.etag}.incomplete")
        here = part.stat().st_size if part.exists() else 0
        missing = offer.size - here
        if missing > 0 and (free := self.free(part.parent)) < missing + _SPARE_BYTES:
            raise _failed(
                file, f"needs {missing} bytes more, and the disk has {free} free; make room, or set HF_HOME to another disk"
            )
        self._stream(file, offer, part, report, stop)
        expected = file.sha256 or offer.digest
        if part.stat().st_size != offer.size or (expected and digest_of(part) != expected):
            part.unlink()
            raise _failed(file, f"is not what it should be: its SHA-256 is not {expected}; it was removed, pull it again")
        part.replace(blob)

    def _stream(self, file: HubFile, offer: _Offer, part: Path, report: Report, stop: Event) -> None:
        import httpx2

        tries = 0
        while (here := part.stat().st_size if part.exists() else 0) < offer.size:
            try:
                self._append(file, offer, part, report, stop)
            except (httpx2.TransportError, EOFError) as exc:
                tries = 0 if part.exists() and part.stat().st_size > here else tries + 1
                logger.info("the connection broke at byte %d of %s: %s", here, file.name, exc)
                if tries >= _TRIES:
                    raise
                stop.wait(self.pause_seconds)

    def _append(self, file: HubFile, offer: _Offer, part: Path, report: Report, stop: Event) -> None:
        """Append to a part what one connection gives, up to the file's end.

        Raises:
            EOFError: The connection ended early.
        """
        from huggingface_hub import get_session
        from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

        with part.open("ab", buffering=0) as target:  # what was fetched survives a kill
            here = target.tell()
            headers = {**build_hf_headers(), "Accept-Encoding": "identity", "Range": f"bytes={here}-"}
            address = self._address(file, offer.commit)
            with get_session().stream("GET", address, headers=headers, timeout=_STREAM_SECONDS) as response:
                if response.is_error:
                    response.read()
                hf_raise_for_status(response)
                if response.status_code != 206:  # the whole file comes, whatever was asked for
                    target.truncate(0)
                    here = 0
                for chunk in response.iter_raw():
                    if stop.is_set():
                        raise _failed(file, "was interrupted; pull it again, it goes on where it stopped")
                    target.write(chunk)
                    here += len(chunk)
                    report(here, offer.size)
        if here < offer.size:
            raise EOFError(f"{offer.size - here} bytes are missing")


def _compare(file: HubFile, offer: _Offer) -> None:
    """Refuse another file than the catalogue's before a byte of it is fetched.

    Raises:
        FetchFailed: Digest or size differ.
    """
    if file.sha256 and offer.digest and file.sha256 != offer.digest:
        raise _failed(
            file, f"is another file on the hub: its SHA-256 is {offer.digest}, the catalogue's {file.sha256}; nothing was fetched"
        )
    if file.bytes is not None and file.bytes != offer.size:
        raise _failed(
            file, f"is another file on the hub: it has {offer.size} bytes, the catalogue's {file.bytes}; nothing was fetched"
        )


def _publish(folder: Path, file: HubFile, commit: str, blob: Path) -> Path:
    """Give a blob its name in a snapshot: by a link, or by moving it where links cannot be made."""
    place = folder / "snapshots" / commit / file.file
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.is_file():
        place.unlink(missing_ok=True)
        try:
            place.symlink_to(os.path.relpath(blob, place.parent))
            if not place.is_file():  # a folder on the way is a link itself
                place.unlink()
                place.symlink_to(blob.resolve())
        except OSError:
            blob.replace(place)
    if file.revision is None:
        reference = folder / "refs" / stores.MAIN
        reference.parent.mkdir(parents=True, exist_ok=True)
        reference.write_text(commit, encoding="ascii")
    return place


def _failed(file: HubFile, what: str) -> FetchFailed:
    name = f"{file.repo}/{file.file}"
    return FetchFailed(name, f"{name!r} {what}")


@contextmanager
def _explained(file: HubFile, cache: Path) -> Iterator[None]:
    """Turn whatever the client raises into one sentence that says what to do."""
    import httpx2

    try:
        yield
    except EOFError as exc:
        raise _failed(file, f"broke off {_TRIES} times: {exc}; pull it again, it goes on where it stopped") from exc
    except httpx2.HTTPError as exc:
        raise _failed(file, _hub_reason(exc)) from exc
    except OSError as exc:
        raise _failed(file, _disk_reason(exc, cache)) from exc


def _hub_reason(exc: Any) -> str:
    from huggingface_hub import errors

    status = getattr(getattr(exc, "response", None), "status_code", None)
    if isinstance(exc, errors.GatedRepoError) or status == 403:
        return "is gated; agree to its terms on the model's page, then set HF_TOKEN to a token of that account and pull again"
    if isinstance(exc, errors.RevisionNotFoundError):
        return "has no such revision on the hub any more; set `revision` of the model in a catalogue of your own"
    if isinstance(exc, errors.RemoteEntryNotFoundError):
        return "is not on the hub under that name; set `file` of the model in a catalogue of your own"
    if isinstance(exc, errors.RepositoryNotFoundError) or status == 401:
        return "is not there or not open to you (the hub does not say which); if it is private or gated, set HF_TOKEN"
    if status is not None:
        return f"could not be fetched: the hub answers {status}; try again later"
    return f"could not be fetched: {type(exc).__name__}: {exc}; check the network, HF_ENDPOINT and your proxy"


def _disk_reason(exc: OSError, cache: Path) -> str:
    if exc.errno == errno.ENOSPC:
        return f"does not fit: the disk of {str(cache)!r} is full; make room and pull again, it goes on where it stopped"
    if exc.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"cannot be written: the cache {str(cache)!r} is read-only for you; set HF_HOME to a folder of your own"
    return f"cannot be written into {str(cache)!r}: {exc.strerror or exc}; look at the folder, or set HF_HOME to another"


def remove(file: HubFile, environ: Mapping[str, str]) -> int:
    """Delete a file from the hub cache, with the part of a broken pull, and give the bytes that became free.

    A blob that another snapshot also names stays. Files outside the cache are never touched.

    Raises:
        OSError: The cache cannot be changed.
    """
    cache = stores.hub_cache(environ)
    place = stores.snapshot_path(cache, file)
    if place is None or not (place.is_file() or place.is_symlink()):
        return 0
    folder = stores.repo_folder(cache, file)
    blob = place.resolve()
    place.unlink()
    with suppress(OSError):
        place.parent.rmdir()
    others = any(other.resolve() == blob for other in (folder / "snapshots").rglob("*") if not other.is_dir())
    if others or not blob.is_file() or folder.resolve() not in blob.parents:
        return 0
    size = blob.stat().st_size
    blob.unlink()
    return size
