"""Keeps the tests out of the user's own folders, property tests from failing on a clock, and Ctrl-C in force.

Claims, locks, snapshots, kept prefixes and ledgers go to a scratch folder.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")  # a busy machine is no failure

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell that starts us in the background has it ignored by all we start
    signal.signal(signal.SIGINT, signal.default_int_handler)

_SCRATCH = Path(tempfile.mkdtemp(prefix="tm-"))  # short, because sockets' paths must be
for _name, _folder in (("XDG_RUNTIME_DIR", "run"), ("XDG_DATA_HOME", "share"), ("XDG_CACHE_HOME", "cache")):
    (_SCRATCH / _folder).mkdir(mode=0o700)
    os.environ[_name] = str(_SCRATCH / _folder)  # before test modules copy the environment for the processes they start


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the scratch folder."""
    shutil.rmtree(_SCRATCH, ignore_errors=True)
