"""Files of LibreOffice keep their formulas, quotes and footnotes."""

from __future__ import annotations

import io
import zipfile
from xml.etree import ElementTree

import pytest

from tiny_moa.experts.documents.mathml import write_latex
from tiny_moa.experts.documents.opendocument import prepare_opendocument

_SPACES = " ".join(
    f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{long}:1.0"'
    for short, long in (("office", "office"), ("text", "text"), ("draw", "drawing"), ("style", "style"))
)
_MATH = '<math xmlns="http://www.w3.org/1998/Math/MathML">{}</math>'
_STYLES = '<style:style style:name="P7" style:family="paragraph" style:parent-style-name="Block_20_Text"/>'
_BODY = """<text:p>The force is <draw:frame><draw:object xlink:href="./Object 1"/></draw:frame> and so</text:p>
<text:p><draw:frame><draw:object xlink:href="./Object 1"/></draw:frame></text:p>
<text:p text:style-name="P7">Pull slowly.</text:p>
<text:p>It was dry.<text:note text:note-class="footnote"><text:note-citation>1</text:note-citation><text:note-body>
<text:p>Measured in May.</text:p></text:note-body></text:note></text:p>"""


def odt(body: str = _BODY, formula: str = "<mi>F</mi><mo>=</mo><mi>m</mi>") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        archive.writestr(
            "content.xml",
            f'<office:document-content {_SPACES} xmlns:xlink="http://www.w3.org/1999/xlink" office:version="1.2">'
            f"<office:automatic-styles>{_STYLES}</office:automatic-styles>"
            f"<office:body><office:text>{body}</office:text></office:body></office:document-content>",
        )
        archive.writestr("styles.xml", f'<office:document-styles {_SPACES} office:version="1.2"/>')
        archive.writestr("Object 1/content.xml", _MATH.format(formula))
        archive.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
            '<manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.text"/>'
            "</manifest:manifest>",
        )
    return stream.getvalue()


@pytest.mark.parametrize(
    ("mathml", "latex"),
    [
        ("<mfrac><mi>a</mi><mn>2</mn></mfrac>", r"\frac{a}{2}"),
        ("<msup><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></msup>", "{a+b}^{2}"),
        ("<munderover><mo>∑</mo><mi>i</mi><mi>n</mi></munderover><mi>x</mi>", r"\sum_{i}^{n}x"),
        ("<mroot><mi>x</mi><mn>3</mn></mroot><msqrt><mi>y</mi></msqrt>", r"\sqrt[3]{x}\sqrt{y}"),
        ("<mi>α</mi><mi>x</mi><mo>≤</mo><mi>sin</mi><mi>t</mi>", r"\alpha x\leq\sin t"),
        ("<mover><mi>v</mi><mo>→</mo></mover>", r"\vec{v}"),
        ("<mtext>if dry</mtext>", r"\text{if dry}"),
        ("<mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>0</mn></mtd></mtr></mtable>", r"\begin{matrix}1 & 0\end{matrix}"),
        ("<mfrac><mi>a</mi></mfrac>", "a"),  # damaged
        ("<semantics><mi>a</mi><annotation encoding='StarMath 5.0'>a over b</annotation></semantics>", "a"),
        ("<semantics><mi>a</mi><annotation encoding='application/x-tex'>a \\le b</annotation></semantics>", r"a \le b"),
        ("", ""),
    ],
)
def test_formulas_are_written_in_latex(mathml: str, latex: str) -> None:
    pytest.importorskip("pylatexenc")
    assert write_latex(ElementTree.fromstring(_MATH.format(mathml))) == latex


def locked(archive: bytes) -> bytes:
    """The same archive, with all of its members said to be encrypted."""
    found, mark = bytearray(archive), b"PK\x01\x02"
    place = found.find(mark)
    while place >= 0:
        found[place + 8] |= 1
        place = found.find(mark, place + 4)
    return bytes(found)


@pytest.mark.parametrize("content", [b"no archive", odt("<text:p>Rope</text:p>"), odt("<text:p>"), locked(odt())])
def test_a_file_without_formulas_and_quotes_is_not_touched(content: bytes) -> None:
    pytest.importorskip("lxml")
    assert prepare_opendocument(content) == content


@pytest.mark.docling
def test_a_text_of_libreoffice_keeps_formulas_quotes_and_footnotes() -> None:
    from tiny_moa.experts.documents.convert import convert

    (page,) = convert(odt(), "force.odt", suffix=".odt", seconds=60)["pages"]
    assert page["markdown"].split("\n\n") == [
        "The force is $F=m$ and so",
        "$$F=m$$",
        "> Pull slowly.",
        "It was dry.",
        "Measured in May.",
    ]
