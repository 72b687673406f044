"""Looks for docling's layout model: whether its packages are installed and its files are here; loads and fetches nothing."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PACKAGES: Final = ("torch", "torchvision", "transformers", "docling_ibm_models", "scipy", "rtree")
"""What docling's standard pipeline imports besides what its slim distribution brings."""
LAYOUT_MODEL: Final = "docling-project--docling-layout-heron"
"""The layout model's folder below that of docling's downloader."""
LAYOUT_FILES: Final = ("config.json", "preprocessor_config.json", "model.safetensors")
TABLE_MODEL: Final = "docling-project--docling-models"
"""The same of the table model, which is not needed; the hub's cache has it under the revision after it."""
TABLE_REVISION: Final = "v2.3.0"
TABLE_FOLDER: Final = "model_artifacts/tableformer/accurate"


@dataclass(frozen=True)
class LayoutTier:
    """What is here of docling's layout model.

    Attributes:
        folder: Where its files are; `None` when the tier is not used.
        artifacts: The folder that docling is told; `None` where it finds them itself, in the hub's cache.
        has_tables: Whether the table model is there too.
        detail: In one line what was found, or what is missing.
        remedy: What to do to have it; empty when it is there or turned off.
        key: Changes with the files, so that pages read by others are not taken for theirs.
    """

    folder: Path | None
    artifacts: Path | None = None
    has_tables: bool = False
    detail: str = ""
    remedy: str = ""
    key: str = "none"

    @property
    def summary(self) -> str:
        """In one line whether the tier is used, without places of this machine when it is."""
        if self.folder is None:
            return f"not used: {self.detail}"
        return f"used, {'with' if self.has_tables else 'without'} its table model"


NO_LAYOUT: Final = LayoutTier(None)
"""Where nothing is looked for."""


def find_layout(environ: Mapping[str, str]) -> LayoutTier:
    """Look for the layout model; the folder that the setting names is the only one when there is one.

    Args:
        environ: Variables of the process that reads documents.
    """
    if environ.get("TINY_MOA_LAYOUT") == "off":
        return LayoutTier(None, detail="turned off by TINY_MOA_LAYOUT")
    missing = [name for name in PACKAGES if not _is_installed(name)]
    if missing:
        detail = f"full docling is not installed: no {', '.join(missing)}"
        return LayoutTier(None, detail=detail, remedy=f'pip install "docling{_our_version()}"; pages are read without')
    places = _places(environ)
    place = next((place for place in places if all((place.layout / name).is_file() for name in LAYOUT_FILES)), None)
    if place is None:
        remedy = f"docling-tools models download layout tableformer -o {places[0].folder}; pages are read without"
        return LayoutTier(
            None, detail=f"its files are not in {' or '.join(str(place.folder) for place in places)}", remedy=remedy
        )
    weights = sorted(place.tables.glob("tableformer_*.safetensors")) if (place.tables / "tm_config.json").is_file() else []
    tables = [place.tables / "tm_config.json", *weights] if weights else []
    detail = f"docling's layout model, {'with' if tables else 'without'} its table model, in {place.folder}"
    key = _key([*(place.layout / name for name in LAYOUT_FILES), *tables])
    return LayoutTier(place.folder, place.artifacts, bool(tables), detail, key=key)


@dataclass(frozen=True)
class _Place:
    """Where the files may be: in all, of the layout model, of the table model; and what docling is told."""

    folder: Path
    layout: Path
    tables: Path
    artifacts: Path | None


def _places(environ: Mapping[str, str]) -> Sequence[_Place]:
    """Give the places to look in, the user's own choice alone."""
    if chosen := environ.get("TINY_MOA_DOCLING_MODELS"):
        return (_downloaded(Path(chosen).expanduser()),)
    home = Path(environ.get("HOME") or environ.get("USERPROFILE") or Path.home())
    named = environ.get("DOCLING_ARTIFACTS_PATH")
    usual = Path(environ.get("DOCLING_CACHE_DIR") or home / ".cache" / "docling") / "models"
    hub = environ.get("HF_HUB_CACHE") or Path(environ.get("HF_HOME") or home / ".cache" / "huggingface") / "hub"
    first = (_downloaded(Path(named).expanduser()),) if named else ()
    return (*first, _downloaded(usual), _cached(Path(hub)))


def _downloaded(folder: Path) -> _Place:
    """Give the place that docling's downloader fills."""
    return _Place(folder, folder / LAYOUT_MODEL, folder / TABLE_MODEL / TABLE_FOLDER, folder)


def _cached(hub: Path) -> _Place:
    """Give the place that docling fills when it fetches a model by itself."""
    layout = _snapshot(hub / f"models--{LAYOUT_MODEL}", "main")
    return _Place(hub, layout, _snapshot(hub / f"models--{TABLE_MODEL}", TABLE_REVISION) / TABLE_FOLDER, None)


def _snapshot(model: Path, revision: str) -> Path:
    try:
        commit = (model / "refs" / revision).read_text("ascii").strip()
    except (OSError, ValueError):
        commit = "none"
    return model / "snapshots" / commit


def _key(files: Sequence[Path]) -> str:
    """Give a digest of what the files look like from outside."""
    seen = hashlib.sha256()
    for file in files:
        status = file.stat()
        seen.update(f"{file.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return seen.hexdigest()[:16]


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # what is being hidden has no place
        return False


def _our_version() -> str:
    """Give the version that goes with the slim distribution, as a requirement."""
    try:
        return f"=={importlib.metadata.version('docling-slim')}"
    except importlib.metadata.PackageNotFoundError:
        return ""
