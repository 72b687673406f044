"""Imports docling in parts: what reading a PDF needs first, the rest while nobody waits; runs in the child process only.

docling's own converter imports the libraries of every format it knows. A PDF needs a third of that time.
"""

from __future__ import annotations

import importlib
import logging
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

logger = logging.getLogger(__name__)

_FOR_PDF: Final = (
    "docling_core.types.doc",
    "docling.backend.docling_parse_backend",
    "docling.pipeline.native_pdf_pipeline",
    "docling_core.transforms.serializer.markdown",
    "pypdfium2",
)
_FOR_OTHERS: Final = (
    "docling.backend.html_backend",
    "docling.backend.md_backend",
    "docling.backend.msword_backend",
    "docling.backend.mspowerpoint_backend",
    "docling.backend.msexcel_backend",
    "docling.backend.csv_backend",
    "odfdo",
    "docling.backend.opendocument_backend",
    "docling.backend.iwork_backend",
    "docling.backend.email_backend",
    "docling.backend.latex_backend",
    "docling.document_converter",
)
"""In parts that take a few tenths of a second each: whoever asks meanwhile waits for one of them."""
_HEAVY: Final = ("torch", "transformers", "torchvision")


def load_docling() -> Iterator[None]:
    """Import what every conversion needs up to the first `yield`, a part of the rest up to each later one.

    Without docling nothing is imported, and each request says so instead; so does one of a format whose library is missing.
    """
    try:
        load_for_pdf()
    except ImportError:
        logger.error("docling could not be imported", exc_info=True)
        return
    yield
    for name in _FOR_OTHERS:
        try:
            with hidden_models():
                importlib.import_module(name)
        except ImportError as exc:
            logger.info("%s could not be imported: %s", name, exc)
        yield


def load_for_pdf() -> None:
    """Import what reading a PDF needs; harmless when it is done already.

    Raises:
        ImportError: docling is not installed.
    """
    if all(name in sys.modules for name in _FOR_PDF):
        return
    _stand_in_for_speech()
    first, *others = _FOR_PDF
    with hidden_models():
        if first not in sys.modules and "pandas" not in sys.modules:
            _import_without_pandas(first)
        for name in others:
            importlib.import_module(name)
    from docling.datamodel.settings import settings

    settings.artifacts_path = None  # each pipeline is told; a folder that is gone would stop all of them


@contextmanager
def hidden_models() -> Iterator[None]:
    """Keep docling from importing torch and transformers, which it does wherever they are installed, in the body."""
    absent = [name for name in _HEAVY if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # `None` is what refuses an import
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


def _stand_in_for_speech() -> None:
    """docling 2.143 imports torch at the top for its speech decoder only; give it an empty one instead."""
    stand_in = types.ModuleType("docling.pipeline.asr_transformers")
    stand_in.TransformersAsrDecoder = type("TransformersAsrDecoder", (), {})  # type: ignore[attr-defined]
    sys.modules.setdefault(stand_in.__name__, stand_in)


class _Pandas(types.ModuleType):
    """Stands for pandas, which takes a second to import, until something is asked of it.

    docling's documents name its classes in signatures, and use them only where a table becomes a data frame.
    """

    is_only_named = True

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {}) if self.is_only_named else getattr(importlib.import_module("pandas"), name)


def _import_without_pandas(name: str) -> None:
    """Import a module whose `pandas` loads itself when it is first used; everybody else's is the real one."""
    stand_in = sys.modules["pandas"] = _Pandas("pandas")
    try:
        importlib.import_module(name)
    finally:
        del sys.modules["pandas"]
        stand_in.is_only_named = False
