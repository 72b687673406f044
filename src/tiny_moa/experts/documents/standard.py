"""Runs docling's standard pipeline, which has a layout model, over single pages; in the child process only.

torch and transformers are imported for the first page, and work in a thread of their own, so that neither loading nor
a page can take longer than the time there is. Pages are given one by one: each ends, fails and is counted by itself.
"""

from __future__ import annotations

import io
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any, Final, TypeVar

from tiny_moa.errors import ConversionFailed
from tiny_moa.experts.documents.artifacts import LayoutTier
from tiny_moa.experts.documents.memory import cap_growth, lift_cap

logger = logging.getLogger(__name__)

_LOADING_SHARE: Final = 0.5
"""Part of the time there is for a document that loading the models may take."""
_GRACE_SHARE: Final = 0.1
"""Part of it after which a page that did not stop by itself is given up."""
_STAGE_SECONDS: Final = 0.2
"""How long a stage that is stuck is waited for when the time is up."""
_T = TypeVar("_T")


class LayoutReader:
    """Reads the pages of one PDF.

    Args:
        models: The loaded models, or what loads them.
        content: The file, without protection.
        seconds: How long all of it may take from now on.
    """

    def __init__(self, models: LayoutModels, content: bytes, seconds: float) -> None:
        self._models = models
        self._content = content
        self._seconds = seconds
        self._ends = time.monotonic() + seconds
        self._given_up = ""

    @property
    def is_stuck(self) -> bool:
        """Whether a page that was given up is still being read."""
        return self._models.is_stuck

    def read(self, number: int) -> Any:
        """Give docling's result for one page: its document, and the page with the regions that were found.

        Raises:
            ConversionFailed: The models cannot be loaded, at all or in time, or the page cannot be read.
        """
        if self._given_up:
            raise ConversionFailed(self._given_up)
        left = self._ends - time.monotonic()
        try:
            self._models.wait(min(self._seconds * _LOADING_SHARE, left))
        except ConversionFailed as exc:
            self._given_up = str(exc)
            raise
        left = self._ends - time.monotonic()
        return self._models.read_page(self._content, number, left, grace=self._seconds * _GRACE_SHARE)


class LayoutModels:
    """The models of one process, loaded and used in one thread.

    Args:
        load: Gives docling's pipeline; called at once, in that thread.
    """

    def __init__(self, load: Callable[[], Any]) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="layout")
        self._loading = self._thread.submit(load)
        self._page: Future[Any] | None = None

    @property
    def is_stuck(self) -> bool:
        """Whether a page that was given up is still being read."""
        return self._page is not None and not self._page.done()

    def wait(self, seconds: float) -> None:
        """Wait until the models are loaded.

        Raises:
            ConversionFailed: They cannot be, or not so soon.
        """
        _outcome(self._loading, seconds, "could not be loaded")

    def read_page(self, content: bytes, number: int, seconds: float, *, grace: float) -> Any:
        """Give docling's result for one page of a file.

        Args:
            content: The file.
            number: The page.
            seconds: After how long docling stops.
            grace: How much longer it is waited for.

        Raises:
            ConversionFailed: It has no result.
        """
        pipeline = self._loading.result(timeout=0)
        if seconds <= 0:
            raise ConversionFailed("the layout model had no time left; a longer deadline gives it more")
        self._page = self._thread.submit(_execute, pipeline, content, number, seconds)
        result = _outcome(self._page, seconds + grace, "could not read the page")
        if any(getattr(error.category, "value", "") == "timeout" for error in result.errors):
            raise ConversionFailed("the layout model was not done in time; a longer deadline gives it more")
        if result.status.value not in ("success", "partial_success") or not result.pages:
            logger.warning("the layout model: %s", "; ".join(error.error_message for error in result.errors)[:500])
            raise ConversionFailed("the layout model could not read the page")
        return result


@cache
def layout_models(tier: LayoutTier) -> LayoutModels:
    """Give the models of this process, which begin to load with the first call."""
    return LayoutModels(lambda: load_pipeline(tier))


def load_pipeline(tier: LayoutTier) -> Any:
    """Load docling's standard pipeline from files alone, without character recognition.

    Raises:
        Exception: Whatever docling or torch finds wrong with the files.
    """
    lift_cap()
    try:
        return _load(tier)
    finally:
        cap_growth()


def _load(tier: LayoutTier) -> Any:
    from docling.pipeline.standard_pdf_pipeline import StandardPdfPipeline

    return StandardPdfPipeline(pipeline_options(tier))


def pipeline_options(tier: LayoutTier) -> Any:
    """Give the options of docling's standard pipeline: no character recognition, tables where their model is there."""
    from docling.datamodel.accelerator_options import AcceleratorOptions
    from docling.datamodel.pipeline_options import ThreadedPdfPipelineOptions

    return ThreadedPdfPipelineOptions(
        artifacts_path=tier.artifacts,
        do_ocr=False,
        do_table_structure=tier.has_tables,
        accelerator_options=AcceleratorOptions(num_threads=_threads()),
        stage_shutdown_timeout_seconds=_STAGE_SECONDS,
    )


def _execute(pipeline: Any, content: bytes, number: int, seconds: float) -> Any:
    from docling.backend.docling_parse_backend import ThreadedDoclingParseDocumentBackend
    from docling.datamodel.base_models import InputFormat
    from docling.datamodel.document import InputDocument
    from docling.datamodel.settings import DocumentLimits

    pipeline.pipeline_options.document_timeout = seconds
    source = InputDocument(
        io.BytesIO(content), InputFormat.PDF, ThreadedDoclingParseDocumentBackend, filename="document.pdf",
        limits=DocumentLimits(page_range=(number, number)),
    )  # fmt: skip
    return pipeline.execute(source, raises_on_error=False)


def _outcome(future: Future[_T], seconds: float, failed: str) -> _T:
    try:
        return future.result(timeout=max(seconds, 0.0))
    except TimeoutError as exc:
        raise ConversionFailed("the layout model was not ready in time; a longer deadline gives it more") from exc
    except Exception as exc:  # the edge of a library: docling, transformers and torch may raise anything
        logger.warning("the layout model %s", failed, exc_info=True)
        what = f"the layout model {failed}: {type(exc).__name__}"
        raise ConversionFailed(f"{what}; TINY_MOA_LAYOUT=off reads without it") from exc


def _threads() -> int:
    chosen = int(os.environ.get("TINY_MOA_THREADS") or 0)
    return chosen or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
