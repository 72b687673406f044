"""Keeps the tests out of the user's own folders: claims, locks, snapshots, kept prefixes and ledgers go to a scratch one."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

_SCRATCH = Path(tempfile.mkdtemp(prefix="tm-"))  # short, because sockets' paths must be
for _name, _folder in (("XDG_RUNTIME_DIR", "run"), ("XDG_DATA_HOME", "share"), ("XDG_CACHE_HOME", "cache")):
    (_SCRATCH / _folder).mkdir(mode=0o700)
    os.environ[_name] = str(_SCRATCH / _folder)  # before test modules copy the environment for the processes they start


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the scratch folder."""
    shutil.rmtree(_SCRATCH, ignore_errors=True)
