"""Words of which a part is printed differently stay whole, whatever format they come from."""

from __future__ import annotations

import io
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.experts.documents.glue import GLUE, remove_glue

HTML = (
    "<p>첫차는 <b>05:30</b>에 떠난다. <a href='https://harbour.example/x'>안내</a>를 보라. A <i>red</i> boat.</p>"
    "<blockquote>Row on.</blockquote><table><tr><th>Part</th><th>Price</th></tr><tr><td>Pin</td><td>8</td></tr></table>"
)
READ = "첫차는 **05:30**에 떠난다. [안내](https://harbour.example/x)를 보라. A *red* boat."


def read(content: bytes, suffix: str) -> str:
    from tiny_moa.experts.documents.convert import convert

    pages = convert(content, f"file{suffix}", suffix=suffix, seconds=60)["pages"]
    return "\n\n".join(page["markdown"] for page in pages)


@given(st.text(st.characters(exclude_characters=GLUE)))
def test_text_without_marks_stays_as_it_is(text: str) -> None:
    assert remove_glue(text) == text


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        (f"**05:30** {GLUE}에", "**05:30**에"),
        (f"un **{GLUE}believ** {GLUE}able", "un**believ**able"),
        (f"a [{GLUE}b](c)", "a[b](c)"),
    ],
)
def test_marked_words_lose_the_space_before_them(marked: str, plain: str) -> None:
    assert remove_glue(marked) == plain


@pytest.mark.docling
def test_a_web_page_keeps_words_whole() -> None:
    pytest.importorskip("docling")
    assert READ in read(f"<html><body>{HTML}</body></html>".encode(), ".html")


@pytest.mark.docling
def test_a_word_document_keeps_words_whole() -> None:
    docx = pytest.importorskip("docx")
    pytest.importorskip("docling")
    document = docx.Document()
    paragraph = document.add_paragraph("첫차는 ")
    paragraph.add_run("05:30").bold = True
    paragraph.add_run("에 떠난다, un")
    paragraph.add_run("believ").italic = True
    paragraph.add_run("ably ")
    paragraph.add_run("late").bold = True
    paragraph.add_run(".")
    content = io.BytesIO()
    document.save(content)
    assert "첫차는 **05:30**에 떠난다, un*believ*ably **late**." in read(content.getvalue(), ".docx")


@pytest.mark.docling
def test_an_email_is_read_with_its_form_and_names_what_is_attached() -> None:
    pytest.importorskip("docling")
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Ida <ida@harbour.example>", "board@harbour.example", "Parts & prices"
    message.set_content("Only the words.")
    message.add_alternative(f"<html><head><title>x</title></head><body>{HTML}</body></html>", subtype="html")
    message.add_attachment(b"a,b\n", maintype="text", subtype="csv", filename="parts.csv")
    markdown = read(bytes(message), ".eml")
    assert markdown.startswith("# Parts & prices\n\nFrom: Ida <ida@harbour.example>")
    assert all(text in markdown for text in (READ, "> Row on.", "| Pin | 8 |", "- parts.csv"))
    assert "Only the words." not in markdown


@pytest.mark.docling
def test_pieces_with_spaces_of_their_own_are_marked_and_no_mark_is_left_in_the_document() -> None:
    pytest.importorskip("docling_core")
    from docling_core.types.doc import DocItemLabel, DoclingDocument

    from tiny_moa.experts.documents.glue import glue_pieces
    from tiny_moa.experts.documents.quotes import remove_marks

    document = DoclingDocument(name="a")
    group = document.add_inline_group()
    for text in ("It opens at ", "05:30", "sharp."):
        document.add_text(DocItemLabel.TEXT, text, parent=group)
    glue_pieces(document)
    assert [item.text for item in document.texts] == ["It opens at", "05:30", f"{GLUE}sharp."]
    remove_marks(document)
    assert [item.text for item in document.texts] == ["It opens at", "05:30", "sharp."]
