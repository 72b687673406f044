"""Names everything that decides what a conversion gives, so that pages kept by another state of things are not used."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from tiny_moa.experts.documents import tesseract, vision
from tiny_moa.experts.documents.artifacts import find_layout
from tiny_moa.templates import TemplateLibrary

_PACKAGES: Final = (
    "docling-slim",
    "docling-core",
    "docling-parse",
    "docling-ibm-models",
    "rapidocr",
    "onnxruntime",
    "pypdfium2",
    "torch",
    "transformers",
)


def name_versions(environ: Mapping[str, str]) -> str:
    """Name the packages that read documents, this code, and which readers of pictures are there.

    An endpoint is named by its digest, since its address may hold a secret. Asks Tesseract once, so it may take a while.

    Args:
        environ: Variables of the document process, where the endpoint of a vision model is named.
    """
    return f"{_installed()} kor={int(tesseract.reads_korean())} vlm={_vision(environ)} layout={find_layout(environ).key}"


@cache
def _installed() -> str:
    code = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        code.update(file.read_bytes())
    return " ".join([*map(_version, _PACKAGES), code.hexdigest()[:16]])


def _vision(environ: Mapping[str, str]) -> str:
    endpoint = vision.find_endpoint(environ)
    if endpoint is None:
        return "none"
    words = [turn.text for turn in TemplateLibrary().get(vision.TEMPLATE, holes=()).fill()]
    return hashlib.sha256("\0".join([endpoint.url, endpoint.model, *words]).encode()).hexdigest()[:16]


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "none"
