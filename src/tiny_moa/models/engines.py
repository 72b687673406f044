"""Which engine runs the models: chooses a launcher, loads and imports none."""

from __future__ import annotations

import importlib.util

from tiny_moa.models.llama import LlamaLauncher
from tiny_moa.models.runtime import Launcher
from tiny_moa.models.xllama import XllamaLauncher
from tiny_moa.settings import Engine

PACKAGES = {"llama": "llama_cpp", "xllama": "xllamacpp"}
"""The module each engine needs."""


def choose_launcher(engine: Engine, threads: int) -> Launcher:
    """Give the launcher of an engine.

    `auto` takes llama-cpp-python when it is installed, otherwise xllamacpp when that is. When neither is, the launcher of the
    first raises `EngineMissing` at the first load, so that a server without an engine starts and says what is missing.

    Args:
        engine: What the settings say.
        threads: Threads of each model; 0 takes the cores this process may use.
    """
    is_second = engine == "xllama" or (engine == "auto" and not is_installed("llama") and is_installed("xllama"))
    return XllamaLauncher(threads) if is_second else LlamaLauncher(threads)


def is_installed(engine: str) -> bool:
    """Whether the package of an engine is there; does not import it."""
    try:
        return importlib.util.find_spec(PACKAGES[engine]) is not None
    except (ImportError, ValueError):
        return False
