"""A small writer of PDF files for tests: text in the standard fonts, rules, grey bitmaps; nothing else."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

WIDTH, HEIGHT = 595, 842
_LOCK = f"/ID [<{'00' * 16}> <{'00' * 16}>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <{'a5' * 32}> /U <{'5a' * 32}> >>"
_TO_UNICODE = b"""/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Any def /CMapType 2 def
1 begincodespacerange <0000> <FFFF> endcodespacerange
1 beginbfrange <0000> <FFFF> <0000> endbfrange
endcmap CMapName currentdict /CMap defineresource pop end end"""
_FONTS = {"F1": "Helvetica", "F2": "Helvetica-Bold", "F3": "Courier"}


@dataclass
class PdfPage:
    """One A4 page under construction; coordinates are points from the upper left corner."""

    commands: list[str] = field(default_factory=list)
    bitmap: tuple[int, int, bytes] | None = None
    links: list[str] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)

    def field(
        self, x0: float, y0: float, x1: float, y1: float, name: str, value: str = "", *, is_ticked: bool | None = None
    ) -> None:
        """Put a field of a form on the page: one with text, or a box that is ticked or not."""
        place = f"/Type /Annot /Subtype /Widget /Rect [{x0} {HEIGHT - y1} {x1} {HEIGHT - y0}] /T ({name})"
        if is_ticked is None:
            self.fields.append(f"<< {place} /FT /Tx /V ({value}) >>")
        else:
            state = "Yes" if is_ticked else "Off"
            self.fields.append(f"<< {place} /FT /Btn /V /{state} /AS /{state} /AP << /N << /Yes 9 0 R /Off 9 0 R >> >> >>")

    def link(self, x0: float, y0: float, x1: float, y1: float, address: str) -> None:
        """Make a place of the page lead to an address."""
        place = f"[{x0} {HEIGHT - y1} {x1} {HEIGHT - y0}]"
        self.links.append(f"<< /Type /Annot /Subtype /Link /Rect {place} /A << /S /URI /URI ({address}) >> >>")

    def dot(self, x: float, y: float, size: float) -> None:
        """Fill a small square whose upper left corner is here."""
        self.commands.append(f"{x} {HEIGHT - y - size} {size} {size} re f")

    def text(self, x: float, y: float, text: str, *, size: float = 10, font: str = "F1") -> None:
        """Write a line whose base line is `y` below the upper edge; font F4 writes any script, at one width."""
        if font == "F4":
            shown = f"<{text.encode('utf-16-be').hex()}>"
        else:
            shown = "(" + text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)") + ")"
        self.commands.append(f"BT /{font} {size} Tf 1 0 0 1 {x} {HEIGHT - y} Tm {shown} Tj ET")

    def lines(self, x: float, y: float, lines: Sequence[str], *, size: float = 10, leading: float = 12) -> float:
        """Write lines below each other and give the base line after the last one."""
        for number, line in enumerate(lines):
            self.text(x, y + number * leading, line, size=size)
        return y + len(lines) * leading

    def rule(self, x0: float, y0: float, x1: float, y1: float) -> None:
        """Draw a thin line."""
        self.commands.append(f"0.5 w {x0} {HEIGHT - y0} m {x1} {HEIGHT - y1} l S")

    def table(self, x: float, y: float, widths: Sequence[float], rows: Sequence[Sequence[str]], *, ruled: bool = True) -> float:
        """Draw a table and give the y of its lower edge."""
        height = 18.0
        bottom, right = y + height * len(rows), x + sum(widths)
        edges = [x + sum(widths[:index]) for index in range(len(widths) + 1)]
        for number, row in enumerate(rows):
            for edge, cell in zip(edges, row, strict=False):
                self.text(edge + 4, y + number * height + 12, cell, font="F2" if number == 0 and ruled else "F1")
        if ruled:
            for number in range(len(rows) + 1):
                self.rule(x, y + number * height, right, y + number * height)
            for edge in edges:
                self.rule(edge, y, edge, bottom)
        return bottom

    def scan(self, grey: bytes, width: int, height: int) -> None:
        """Cover the page with a bitmap of 8-bit grey values."""
        self.bitmap = (width, height, grey)
        self.commands.append(f"q {WIDTH} 0 0 {HEIGHT} 0 0 cm /Im Do Q")


def protect(pdf: bytes, password: str) -> bytes:
    """Encrypt a PDF of `write_pdf` without title, so that it opens with the password: RC4 with 40 bits, the oldest way."""
    padded = (password.encode("latin-1") + _PADDING)[:32]
    owner = _rc4(hashlib.md5(padded).digest()[:5], padded)
    key = hashlib.md5(padded + owner + (-4).to_bytes(4, "little", signed=True) + bytes(16)).digest()[:5]
    user = _rc4(key, _PADDING)
    lock = f"/ID [<{'00' * 16}> <{'00' * 16}>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4"
    lock += f" /O <{owner.hex()}> /U <{user.hex()}> >>"
    objects: dict[int, bytes] = {}
    for match in re.finditer(rb"(\d+) 0 obj\n(.*?)\nendobj\n", pdf, re.DOTALL):
        number, body = int(match[1]), match[2]
        if b"\nstream\n" in body:
            head, content = body.split(b"\nstream\n", 1)
            own = hashlib.md5(key + number.to_bytes(3, "little") + bytes(2)).digest()[:10]
            body = head + b"\nstream\n" + _rc4(own, content.removesuffix(b"\nendstream")) + b"\nendstream"
        objects[number] = body
    return _file(objects, lock)


_PADDING = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")


def _rc4(key: bytes, content: bytes) -> bytes:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    written = bytearray()
    i = j = 0
    for byte in content:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        written.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(written)


def write_pdf(pages: Sequence[PdfPage], *, title: str = "", is_locked: bool = False) -> bytes:
    """Put pages into one PDF file; a locked one claims to be encrypted with an unknown password."""
    first_field = 10 + 3 * len(pages)
    every_field = [written for page in pages for written in page.fields]
    numbers = [f"{first_field + place} 0 R" for place in range(len(every_field))]
    form = f"/AcroForm << /Fields [{' '.join(numbers)}] >>" if numbers else ""
    objects: dict[int, bytes] = {1: f"<< /Type /Catalog /Pages 2 0 R {form} >>".encode()}
    objects |= {first_field + place: written.encode("cp1252") for place, written in enumerate(every_field)}
    for number, name in enumerate(_FONTS.values()):
        objects[3 + number] = f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>".encode()
    objects[6] = (
        b"<< /Type /Font /Subtype /Type0 /BaseFont /Any /Encoding /Identity-H /DescendantFonts [7 0 R] /ToUnicode 8 0 R >>"
    )
    objects[7] = (
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Any /DW 900 /CIDToGIDMap /Identity"
        b" /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>"
        b" /FontDescriptor << /Type /FontDescriptor /FontName /Any /Flags 4 /FontBBox [0 -200 1000 900] /Ascent 900 /Descent -200"
        b" /CapHeight 700 /ItalicAngle 0 /StemV 80 >> >>"
    )
    objects[8] = _stream("", _TO_UNICODE)
    objects[9] = f"<< /Title ({title}) >>".encode()
    kids = []
    for index, page in enumerate(pages):
        number = 10 + 3 * index
        kids.append(f"{number} 0 R")
        fonts = " ".join(f"/{key} {3 + place} 0 R" for place, key in enumerate([*_FONTS, "F4"]))
        own = [numbers.pop(0) for _ in page.fields]
        annotations = f"/Annots [{' '.join([*page.links, *own])}]" if page.links or own else ""
        xobject = f"/XObject << /Im {number + 2} 0 R >>" if page.bitmap else ""
        objects[number] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] {annotations} /Contents {number + 1} 0 R"
            f" /Resources << /Font << {fonts} >> {xobject} >> >>"
        ).encode()
        objects[number + 1] = _stream("", "\n".join(page.commands).encode("cp1252"))
        if page.bitmap:
            width, height, grey = page.bitmap
            kind = f"/Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceGray /BitsPerComponent 8"
            objects[number + 2] = _stream(kind, grey)
    objects[2] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(pages)} >>".encode()
    return _file(objects, _LOCK if is_locked else "")


def _stream(entries: str, content: bytes) -> bytes:
    packed = zlib.compress(content)
    head = f"<< {entries} /Filter /FlateDecode /Length {len(packed)} >>\nstream\n".encode()
    return head + packed + b"\nendstream"


def _file(objects: dict[int, bytes], extra: str) -> bytes:
    content = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
    places: dict[int, int] = {}
    for number, body in sorted(objects.items()):
        places[number] = len(content)
        content += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start, size = len(content), max(objects) + 1
    table = b"".join(
        f"{places[number]:010d} 00000 n \n".encode() if number in places else b"0000000000 65535 f \n" for number in range(size)
    )
    tail = f"trailer\n<< /Size {size} /Root 1 0 R /Info 9 0 R {extra} >>\nstartxref\n{start}\n%%EOF\n".encode()
    return content + f"xref\n0 {size}\n".encode() + table + tail
