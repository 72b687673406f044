"""Where weights lie on disk: the hub client's cache and the stores of other programs; computes paths, opens no weights.

The hub cache is read and written in the client's own form, so that a file fetched here serves every other program and the
other way round: `models--OWNER--NAME/{blobs/DIGEST, snapshots/COMMIT/FILE, refs/main}`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from tiny_moa.sources import HubFile

_TRUE = {"1", "ON", "YES", "TRUE"}
MAIN = "main"


def home_of(environ: Mapping[str, str]) -> Path:
    """Give the user's home folder."""
    found = environ.get("HOME") or environ.get("USERPROFILE")
    return Path(found) if found else Path.home()


def hub_cache(environ: Mapping[str, str]) -> Path:
    """Give the hub client's cache folder, by the variables and in the order the client itself uses."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if environ.get(name):
            return Path(os.path.expandvars(environ[name])).expanduser()
    if environ.get("HF_HOME"):
        return Path(os.path.expandvars(environ["HF_HOME"])).expanduser() / "hub"
    base = environ.get("XDG_CACHE_HOME")
    return (Path(base).expanduser() if base else home_of(environ) / ".cache") / "huggingface" / "hub"


def is_offline(environ: Mapping[str, str]) -> bool:
    """Tell whether the hub client is told to stay offline."""
    return any(environ.get(name, "").upper() in _TRUE for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))


def data_folder(environ: Mapping[str, str]) -> Path:
    """Give the folder for what this program remembers for the user, as the operating system wants it."""
    if sys.platform == "win32" and environ.get("LOCALAPPDATA"):
        return Path(environ["LOCALAPPDATA"]) / "tiny-moa"
    if sys.platform == "darwin":
        return home_of(environ) / "Library" / "Application Support" / "tiny-moa"
    base = environ.get("XDG_DATA_HOME")
    return (Path(base) if base else home_of(environ) / ".local" / "share") / "tiny-moa"


def repo_folder(cache: Path, file: HubFile) -> Path:
    """Give a repository's folder in the hub cache."""
    return cache / f"models--{(file.repo or '').replace('/', '--')}"


def commit_of(cache: Path, file: HubFile) -> str | None:
    """Give the commit a file is taken from: the pinned one, else what the main branch was when it was last pulled."""
    if file.revision:
        return file.revision
    try:
        return (repo_folder(cache, file) / "refs" / MAIN).read_text("ascii").strip() or None
    except (OSError, ValueError):
        return None


def snapshot_path(cache: Path, file: HubFile) -> Path | None:
    """Give where a file is in the hub cache when it was pulled; `None` while its commit is unknown."""
    commit = commit_of(cache, file)
    return repo_folder(cache, file) / "snapshots" / commit / file.file if commit else None


def blob_digest(path: Path) -> str | None:
    """Give the digest a file of the hub cache is stored under, `None` when its name is none."""
    name = path.resolve().name
    return name if len(name) == 64 and all(sign in "0123456789abcdef" for sign in name) else None


def foreign_paths(environ: Mapping[str, str], file: HubFile) -> tuple[Path, ...]:
    """Give where llama.cpp, LM Studio and Ollama would have put a file; whether it is there and the same is not looked at."""
    home, repo = home_of(environ), file.repo or ""
    llama = [Path(environ["LLAMA_CACHE"])] if environ.get("LLAMA_CACHE") else []
    llama += [home / ".cache" / "llama.cpp", home / "Library" / "Caches" / "llama.cpp"]
    studio = (home / ".lmstudio" / "models", home / ".cache" / "lm-studio" / "models")
    found = [folder / name for folder in llama for name in (f"{repo.replace('/', '_')}_{file.name}", file.name)]
    found += [folder / repo / file.name for folder in studio]
    if file.sha256:
        ollama = Path(environ["OLLAMA_MODELS"]) if environ.get("OLLAMA_MODELS") else home / ".ollama" / "models"
        found.append(ollama / "blobs" / f"sha256-{file.sha256}")
    return tuple(found)
