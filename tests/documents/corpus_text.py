"""Documents of the corpus whose files are text: web pages, AsciiDoc, Markdown, tables, email, a book."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

REGATTA = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Regatta | Club</title></head>
<body>
<header><nav><a href="/">Home</a> <a href="/club">Club menu</a></nav></header>
<main><article><h1>Regatta 2026 — the “long” race</h1><p>By <b>Ann Oar</b>, 14 March. It’s 5 &lt; 6 &amp; a_b_c.</p>
<h2>Results</h2><table><thead><tr><th rowspan="2">Boat</th><th colspan="2">Result</th></tr><tr><th>Front</th><th>Back</th></tr>
</thead><tbody><tr><td>Gull</td><td>12:30</td><td>13:05</td></tr><tr><td>Tern</td><td>12:41</td><td>n/a</td></tr></tbody></table>
<h2>Rules</h2><ol><li>No engines</li><li>One flag<ul><li>red</li><li>or blue</li></ul></li></ol>
<pre><code class="language-python">def row(n):
    return n &lt; 3
</code></pre><p>See <a href="https://example.com/x">the guide</a>.</p>
<figure><img src="a.png" alt="A gull"><figcaption>Figure 2. The gull.</figcaption></figure>
<p hidden>Hidden words</p><p style="display:none">Invisible words</p></article></main>
<footer>All rights reserved</footer><script>var lost = 1;</script></body></html>"""

PUMP = """= Pump guide
R. Name <rita@example.com>
v1.2, 2026-03-01
:version: 1.2

Version {version} says “hello” — once.

== Starting

Open the *valve* first.

. Prime the pump
. Open the outlet

.Pressure
[cols="1,2",options="header"]
|===
|Mode |Pressure

|Low
|1.5 bar

|High
|4 bar
|===

[source,bash]
----
pump --start | tail
----

NOTE: Never run it dry.

=== Further reading

See https://example.com/pump[the manual].
"""

NOTES = """---
title: Harbour notes
---

# Notes — “quoted”

> a line of the log

| Sign | Meaning |
|------|---------|
| a \\| b | either |

```python
x_y = '<a>'
```

* * *

- one
  - two
"""

MAIL = """From: "Ann Oar" <ann@harbour.example>
To: Board <board@harbour.example>
Subject: =?utf-8?B?7ZqM7J2YIOyViOuCtA==?=
Date: Sat, 14 Mar 2026 09:30:00 +0900
MIME-Version: 1.0
Content-Type: text/plain; charset="utf-8"

Dear board,

the meeting is at 10:00 — bring the “fees” list.
"""

PAPER = r"""\documentclass{article}
\title{On Tides}
\author{A. Oar}
\begin{document}
\maketitle
\begin{abstract}We study tides.\end{abstract}
\section{Introduction}
Tides are \textbf{periodic}. The height is $h = a \sin(\omega t)$.
\subsection{Data}
\begin{itemize}\item First port \item Second port\end{itemize}
\begin{tabular}{lr}Port & Height \\ Busan & 1.2 \\ Gwangju & 3.4 \\\end{tabular}
\end{document}
"""


def cities_csv() -> bytes:
    """Semicolons, a byte order mark, quotes inside quotes."""
    return '\ufeffCity;Inhabitants;Note\nKöln;1.084.831;"Rhine; west"\nBusan;3,300,000;"says ""port"""\n'.encode()


def sheet_tsv() -> bytes:
    """Tabs, in code page 949."""
    return "도시\t항구\n부산\t북항\n인천\t내항\n".encode("cp949")


def tales_epub() -> bytes:
    """A book of two chapters."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as book:
        book.writestr("mimetype", "application/epub+zip")
        book.writestr("META-INF/container.xml", _CONTAINER)
        book.writestr("OEBPS/book.opf", _PACKAGE)
        for name, title in (("a", "The gull"), ("b", "The tern")):
            body = f"<h1>{title}</h1><p>It’s a tale of {title.lower()} — a short one.</p>"
            book.writestr(f"OEBPS/{name}.xhtml", f"{_XHTML}<head><title>{title}</title></head><body>{body}</body></html>")
    return content.getvalue()


_XHTML = '<html xmlns="http://www.w3.org/1999/xhtml">'
_CONTAINER = """<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""
_PACKAGE = """<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="i"><metadata
xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Sea tales</dc:title><dc:identifier id="i">1</dc:identifier>
<dc:language>en</dc:language></metadata><manifest><item id="a" href="a.xhtml" media-type="application/xhtml+xml"/><item id="b"
href="b.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="a"/><itemref idref="b"/></spine></package>"""

TALK = """WEBVTT

00:01.000 --> 00:04.000
Good morning, everyone.

00:05.000 --> 00:07.000
The ferry is late.
"""

MAKERS: dict[str, Callable[[], bytes]] = {
    "regatta.html": REGATTA.encode,
    "pump.adoc": PUMP.encode,
    "notes.md": NOTES.encode,
    "invitation.eml": MAIL.encode,
    "tides.tex": PAPER.encode,
    "cities.csv": cities_csv,
    "ports.tsv": sheet_tsv,
    "tales.epub": tales_epub,
    "talk.vtt": TALK.encode,
}
