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
LAYOUT_FILES: Final = tuple(
    f"docling-project--docling-layout-heron/{name}" for name in ("config.json", "preprocessor_config.json", "model.safetensors")
)
"""The layout model, as docling's downloader names its files below its folder."""
TABLES_FOLDER: Final = "docling-project--docling-models/model_artifacts/tableformer/accurate"
"""Where the table model is below the same folder; it is not needed."""


@dataclass(frozen=True)
class LayoutTier:
    """What is here of docling's layout model.

    Attributes:
        folder: The folder with its files; `None` when the tier is not used.
        has_tables: Whether the table model is there too.
        detail: In one line what was found, or what is missing.
        remedy: What to do to have it; empty when it is there or turned off.
        key: Changes with the files, so that pages read by others are not taken for theirs.
    """

    folder: Path | None
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
    folders = _folders(environ)
    folder = next((folder for folder in folders if all((folder / name).is_file() for name in LAYOUT_FILES)), None)
    if folder is None:
        remedy = f"docling-tools models download layout tableformer -o {folders[0]}; pages are read without"
        return LayoutTier(None, detail=f"its files are not in {' or '.join(map(str, folders))}", remedy=remedy)
    tables = _table_files(folder)
    detail = f"docling's layout model, {'with' if tables else 'without'} its table model, in {folder}"
    return LayoutTier(folder, bool(tables), detail, key=_key(folder, tables))


def _folders(environ: Mapping[str, str]) -> Sequence[Path]:
    """Give the folders to look in, the user's own choice alone."""
    if chosen := environ.get("TINY_MOA_DOCLING_MODELS"):
        return (Path(chosen).expanduser(),)
    home = Path(environ.get("HOME") or environ.get("USERPROFILE") or Path.home())
    usual = Path(environ.get("DOCLING_CACHE_DIR") or home / ".cache" / "docling") / "models"
    named = environ.get("DOCLING_ARTIFACTS_PATH")
    return (Path(named).expanduser(), usual) if named else (usual,)


def _table_files(folder: Path) -> tuple[str, ...]:
    """Give the files of the table model, none unless all of them are there."""
    place = folder / TABLES_FOLDER
    weights = sorted(place.glob("tableformer_*.safetensors")) if (place / "tm_config.json").is_file() else []
    return (f"{TABLES_FOLDER}/tm_config.json", *(f"{TABLES_FOLDER}/{file.name}" for file in weights)) if weights else ()


def _key(folder: Path, tables: Sequence[str]) -> str:
    seen = hashlib.sha256()
    for name in (*LAYOUT_FILES, *tables):
        status = (folder / name).stat()
        seen.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode())
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
