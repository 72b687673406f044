"""docling's real standard pipeline with a layout model that finds what it is told; everything after the model is docling's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tiny_moa.experts.documents import standard
from tiny_moa.experts.documents.artifacts import LayoutTier

Region = tuple[str, float, float, float, float]
"""A label of docling's, and left, top, right, bottom in points from the upper left corner."""


def scripted_pipeline(
    regions: Mapping[int, Sequence[Region]], asked: list[int], *, confidence: float = 0.9, rows: Sequence[Sequence[str]] = ()
) -> Any:
    """Give the pipeline.

    Args:
        regions: What is found on each page; a page that is not among them makes the model fail.
        asked: Where the numbers of the pages go that the model is shown.
        confidence: How sure the model says it is.
        rows: What a table model reads in every table; an empty cell belongs to the one before it. Without any there is none.
    """
    from docling.datamodel.base_models import Cluster, LayoutPrediction, Table, TableStructurePrediction
    from docling.datamodel.pipeline_options import LayoutPostprocessorOptions
    from docling.models.stages.heading_hierarchy.heading_hierarchy_model import HeadingHierarchyModel
    from docling.models.stages.layout.layout_postprocessing_model import LayoutPostprocessingModel
    from docling.models.stages.page_assemble.page_assemble_model import PageAssembleModel, PageAssembleOptions
    from docling.models.stages.page_preprocessing.page_preprocessing_model import PagePreprocessingModel, PagePreprocessingOptions
    from docling.models.stages.reading_order.readingorder_model import ReadingOrderModel, ReadingOrderOptions
    from docling.pipeline.standard_pdf_pipeline import StandardPdfPipeline
    from docling_core.types.doc import BoundingBox, DocItemLabel, TableCell

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

    def look_into_tables(conv_res: Any, pages: Iterable[Any]) -> Iterable[Any]:
        for page in pages:
            page.predictions.tablestructure = TableStructurePrediction()
            for cluster in page.predictions.layout.clusters if rows else ():
                if cluster.label == DocItemLabel.TABLE:
                    page.predictions.tablestructure.table_map[cluster.id] = Table(
                        label=cluster.label, id=cluster.id, page_no=page.page_no, cluster=cluster, otsl_seq=[],
                        num_rows=len(rows), num_cols=len(rows[0]), table_cells=cells(),
                    )  # fmt: skip
            yield page

    def cells() -> list[TableCell]:
        found = []
        for number, row in enumerate(rows):
            starts = [column for column, text in enumerate(row) if text]
            for start, end in zip(starts, [*starts[1:], len(row)], strict=True):
                found.append(
                    TableCell(
                        text=row[start],
                        col_span=end - start,
                        start_row_offset_idx=number,
                        end_row_offset_idx=number + 1,
                        start_col_offset_idx=start,
                        end_col_offset_idx=end,
                        column_header=number == 0,
                    )
                )
        return found

    class ScriptedPipeline(StandardPdfPipeline):  # type: ignore[misc]
        def _init_models(self) -> None:
            options = self.pipeline_options
            self.keep_images = self.keep_backend = False
            self.preprocessing_model = PagePreprocessingModel(PagePreprocessingOptions(images_scale=options.images_scale))
            self.ocr_model = unchanged
            self.table_model = look_into_tables
            self.layout_model = find
            self.layout_postprocessing_model = LayoutPostprocessingModel(options=LayoutPostprocessorOptions())
            self.assemble_model = PageAssembleModel(options=PageAssembleOptions())
            self.reading_order_model = ReadingOrderModel(options=ReadingOrderOptions())
            self.heading_hierarchy_model = HeadingHierarchyModel(options=options.heading_hierarchy_options)
            self.enrichment_pipe = []

    return ScriptedPipeline(standard.pipeline_options(LayoutTier(Path())))
