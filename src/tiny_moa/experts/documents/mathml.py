"""Writes formulas given as MathML in the language of LaTeX; runs in the child process only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

_TEX: Final = ("application/x-tex", "TeX", "LaTeX")
"""Encodings of an annotation that says the formula in LaTeX itself."""
_TEMPLATES: Final = {
    "mfrac": r"\frac{%s}{%s}",
    "msup": "%s^{%s}",
    "msub": "%s_{%s}",
    "msubsup": "%s_{%s}^{%s}",
    "munder": "%s_{%s}",
    "mover": "%s^{%s}",
    "munderover": "%s_{%s}^{%s}",
}
_ACCENTS: Final = {
    "¯": "bar",
    "‾": "overline",
    "^": "hat",
    "ˆ": "hat",
    "~": "tilde",
    "˜": "tilde",
    "→": "vec",
    "⃗": "vec",
    "˙": "dot",
    "¨": "ddot",
}
_FUNCTIONS: Final = frozenset(
    (
        "sin",
        "cos",
        "tan",
        "log",
        "ln",
        "exp",
        "lim",
        "max",
        "min",
        "det",
        "arg",
        "deg",
        "dim",
        "sup",
        "inf",
        "sinh",
        "cosh",
        "tanh",
    )
)
_SILENT: Final = ("annotation", "annotation-xml", "mspace", "mphantom")
_ENSURED = re.compile(r"\\ensuremath\{((?:[^{}]|\{[^{}]*\})*)\}|\{(\\[A-Za-z]+)\}")
_COMMAND_AT_END = re.compile(r"\\[A-Za-z]+$")


def write_latex(node: Any) -> str:
    """Give an element of MathML, of ElementTree or lxml, as LaTeX without signs around it; empty for an empty formula."""
    for annotation in node.iter():
        if _name(annotation) == "annotation" and annotation.get("encoding") in _TEX and (annotation.text or "").strip():
            return " ".join(annotation.text.split())
    return _write(node).strip()


def _write(node: Any) -> str:
    name = _name(node)
    if name in _SILENT:
        return ""
    if name in ("mi", "mn", "mo"):
        return _symbols("".join(node.itertext()).strip())
    if name in ("mtext", "ms"):
        return rf"\text{{{''.join(node.itertext()).strip()}}}"
    parts = [_write(child) for child in node if _name(child) not in _SILENT]
    if name == "msqrt":
        return rf"\sqrt{{{_row(parts)}}}"
    if name == "mroot" and len(parts) == 2:
        return rf"\sqrt[{parts[1]}]{{{parts[0]}}}"
    if name == "mtable":
        return r"\begin{matrix}" + r" \\ ".join(parts) + r"\end{matrix}"
    if name in ("mtr", "mlabeledtr"):
        return " & ".join(parts)
    if name == "mfenced":
        return rf"{node.get('open', '(')}{', '.join(parts)}{node.get('close', ')')}"
    if name == "mover" and len(parts) == 2 and (accent := _ACCENTS.get("".join(node[1].itertext()).strip())):
        return rf"\{accent}{{{parts[0]}}}"
    return _fill(name, parts) if name in _TEMPLATES else _row(parts)


def _fill(name: str, parts: Sequence[str]) -> str:
    """Put the parts of a fraction, root or index into their places; parts that are missing or too many leave a row."""
    template = _TEMPLATES[name]
    if len(parts) != template.count("%"):
        return _row(parts)
    base = parts[0] if name == "mfrac" or _is_one(parts[0]) else f"{{{parts[0]}}}"
    return template % (base, *parts[1:])


def _is_one(part: str) -> bool:
    return len(part) == 1 or re.fullmatch(r"\\[A-Za-z]+|\d+", part) is not None


def _row(parts: Sequence[str]) -> str:
    """Write parts beside each other, with a space where a command would run into a letter."""
    text = ""
    for part in parts:
        text += f" {part}" if part[:1].isalnum() and _COMMAND_AT_END.search(text) else part
    return text


def _symbols(text: str) -> str:
    if text.isascii():
        return text if len(text) < 2 or not text.isalpha() else rf"\{text}" if text in _FUNCTIONS else rf"\mathrm{{{text}}}"
    written = _ENSURED.sub(lambda found: found[1] or found[2], _encoder().unicode_to_latex(text))
    return written.replace("−", "-")


@cache
def _encoder() -> Any:
    from pylatexenc.latexencode import UnicodeToLatexEncoder

    return UnicodeToLatexEncoder(non_ascii_only=True, unknown_char_policy="keep", replacement_latex_protection="none")


def _name(node: Any) -> str:
    return str(node.tag).rpartition("}")[2]
