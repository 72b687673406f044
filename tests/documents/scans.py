"""Makes pictures of pages for tests: text drawn in a real font, then turned, blurred and specked like a scan."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FONT = Path(__file__).parents[1] / "data" / "fonts" / "notosanskr-subset.otf"
"""Latin and some Hangul of Noto Sans KR; its licence stands beside it."""

Line = tuple[float, float, str, int]
"""Left, top, text, and height in pixels."""


def draw(lines: Sequence[Line], *, width: int = 1240, height: int = 900) -> Any:
    """Draw lines of text on a white page."""
    from PIL import Image, ImageDraw, ImageFont

    page = Image.new("L", (width, height), 255)
    pen = ImageDraw.Draw(page)
    for left, top, text, size in lines:
        pen.text((left, top), text, font=ImageFont.truetype(str(FONT), size), fill=25)
    return page


def scanned(page: Any, *, degrees: float = 0.0, quarter: int = 0, noise: float = 8.0, blur: float = 0.5) -> Any:
    """Make a drawn page look like a scan: skewed, laid the wrong way round, blurred and noisy; the same every time."""
    import numpy as np
    from PIL import Image, ImageFilter

    page = page.rotate(degrees, expand=False, fillcolor=250, resample=Image.Resampling.BICUBIC)
    page = page.rotate(quarter, expand=True).filter(ImageFilter.GaussianBlur(blur))
    grey = np.asarray(page, dtype=float)
    grey = grey + np.random.default_rng(11).normal(0, noise, grey.shape)
    return Image.fromarray(np.clip(grey, 0, 255).astype("uint8"))


def saved(page: Any, kind: str, **options: Any) -> bytes:
    """Give the bytes of a picture's file."""
    content = io.BytesIO()
    page.save(content, kind, **options)
    return content.getvalue()


def notice() -> Any:
    """A notice in English: a heading in large letters and two paragraphs."""
    return draw(
        [
            (120, 90, "Notice to berth holders", 52),
            (120, 200, "The harbour office closes at 17:30 on Fridays.", 30),
            (120, 245, "Please pay the fee of 1,250.00 EUR before 14 March.", 30),
            (120, 340, "Questions? Call +82 51 555 0199 or write to", 30),
            (120, 385, "office@harbour.example and name your berth.", 30),
        ],
        height=560,
    )


def korean_notice() -> Any:
    """The same in Korean."""
    return draw([(120, 90 + 60 * number, text, 32) for number, text in enumerate(KOREAN)], height=560)


KOREAN = (
    "선석 이용 안내문",
    "항만 사무소는 금요일 오후 5시 30분에 문을 닫습니다.",
    "3월 14일까지 이용료 1,250,000원을 납부해 주십시오.",
    "문의: 051-555-0199 또는 방문",
)


def receipt() -> Any:
    """A till receipt: names on the left, prices on the right, in a narrow column."""
    lines: list[Line] = [(150, 40, "Harbour Kiosk", 44), (150, 110, "Receipt 0471", 28)]
    for number, (name, price) in enumerate(RECEIPT):
        lines += [(60, 190 + 48 * number, name, 28), (470, 190 + 48 * number, price, 28)]
    return draw(lines, width=620, height=560)


RECEIPT = (("Coffee", "3.20"), ("Ham roll", "4.50"), ("Mineral water", "1.80"), ("Total", "9.50"), ("Cash", "10.00"))
