"""docling's real standard pipeline with a layout model that finds what it is told; everything after the model is docling's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tiny_moa.experts.documents import standard
from tiny_moa.experts.documents.artifacts import LayoutTier

Region = tuple[str, float, float, float, float]
"""A label of docling's, and left, top, right, bottom in points from the upper left corner."""


def scripted_pipeline(regions: Mapping[int, Sequence[Region]], asked: list[int], *, confidence: float = 0.9) -> Any:
    """Give the pipeline.

    Args:
        regions: What is found on each page; a page that is not among them makes the model fail.
        asked: Where the numbers of the pages go that the model is shown.
        confidence: How sure the model says it is.
    """
    from docling.datamodel.base_models import Cluster, LayoutPrediction
    from docling.datamodel.pipeline_options import LayoutPostprocessorOptions
    from docling.models.stages.heading_hierarchy.heading_hierarchy_model import HeadingHierarchyModel
    from docling.models.stages.layout.layout_postprocessing_model import LayoutPostprocessingModel
    from docling.models.stages.page_assemble.page_assemble_model import PageAssembleModel, PageAssembleOptions
    from docling.models.stages.page_preprocessing.page_preprocessing_model import PagePreprocessingModel, PagePreprocessingOptions
    from docling.models.stages.reading_order.readingorder_model import ReadingOrderModel, ReadingOrderOptions
    from docling.pipeline.standard_pdf_pipeline import StandardPdfPipeline
    from docling_core.types.doc import BoundingBox, DocItemLabel

    def unchanged(conv_res: Any, pages: Iterable[Any]) -> Iterable[Any]:
        return pages

    def find(conv_res: Any, pages: Iterable[Any]) -> Iterable[Any]:
        for page in pages:
            asked.append(page.page_no)
            clusters = [
                Cluster(
                    id=number,
                    label=DocItemLabel(label),
                    bbox=BoundingBox(l=left, t=top, r=right, b=bottom),
                    confidence=confidence,
                )
                for number, (label, left, top, right, bottom) in enumerate(regions[page.page_no])
            ]
            page.predictions.layout = LayoutPrediction(clusters=clusters)
            yield page

    class ScriptedPipeline(StandardPdfPipeline):  # type: ignore[misc]
        def _init_models(self) -> None:
            options = self.pipeline_options
            self.keep_images = self.keep_backend = False
            self.preprocessing_model = PagePreprocessingModel(PagePreprocessingOptions(images_scale=options.images_scale))
            self.ocr_model = self.table_model = unchanged
            self.layout_model = find
            self.layout_postprocessing_model = LayoutPostprocessingModel(options=LayoutPostprocessorOptions())
            self.assemble_model = PageAssembleModel(options=PageAssembleOptions())
            self.reading_order_model = ReadingOrderModel(options=ReadingOrderOptions())
            self.heading_hierarchy_model = HeadingHierarchyModel(options=options.heading_hierarchy_options)
            self.enrichment_pipe = []

    return ScriptedPipeline(standard.pipeline_options(LayoutTier(Path())))
