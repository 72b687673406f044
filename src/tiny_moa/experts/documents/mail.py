"""Reads the formatted text of an email where it has one, and names what is attached; runs in the child process only."""

from __future__ import annotations

import html
import re
from typing import Any

from tiny_moa.experts.documents import guards

_BODY = re.compile(r"<body[^>]*>(.*?)(?:</body>|\Z)", re.DOTALL | re.IGNORECASE)
_HEAD = re.compile(r"<!doctype[^>]*>|</?html[^>]*>|<head\b.*?</head>", re.DOTALL | re.IGNORECASE)


def mail_option() -> Any:
    """Give docling's option for emails, with a backend that prefers the formatted text."""
    from docling.backend.email_backend import EmailDocumentBackend
    from docling.datamodel.backend_options import EmailBackendOptions
    from docling.document_converter import EmailFormatOption

    class FormattedEmail(EmailDocumentBackend):  # type: ignore[misc]
        """docling's reads the plain text first, which has no tables and links."""

        def convert(self) -> Any:
            bodies = [part for part in self.mail.text_html or () if part.strip()] if self.mail is not None else []
            plain = super().convert()
            if not bodies:
                return plain
            written = self._convert_html_part(_page(_lines(plain), bodies, self._get_attachment_labels()))
            written.name, written.origin = plain.name, plain.origin
            return written

    return EmailFormatOption(backend=FormattedEmail, backend_options=EmailBackendOptions(list_attachments=True))


def _lines(plain: Any) -> list[tuple[str, str]]:
    """Give the subject and the header of a message as docling writes them, each with the element it becomes."""
    heads = ("From: ", "To: ", "Cc: ", "Date: ")
    titles = [("h1", item.text) for item in plain.texts if item.label.value == "title"]
    return titles + [("p", item.text) for item in plain.texts[: len(heads) + 1] if item.text.startswith(heads)]


def _page(lines: list[tuple[str, str]], bodies: list[str], attached: list[str]) -> str:
    """Put the header, the formatted texts and the names of what is attached into one page of HTML."""
    parts = [f"<{element}>{html.escape(text)}</{element}>" for element, text in lines]
    for body in bodies:
        guards.check_html(body, "the message")
        found = _BODY.search(body)
        parts.append(f"<div>{_HEAD.sub('', found[1] if found else body)}</div>")
    if attached:
        parts.append("<h2>Attachments</h2><ul>" + "".join(f"<li>{html.escape(label)}</li>" for label in attached) + "</ul>")
    return f"<html><body>{''.join(parts)}</body></html>"
