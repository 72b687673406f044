"""Turns the bytes of a text file into text: finds the encoding, says when it had to guess; pure."""

from __future__ import annotations

import codecs
import re
from typing import Final

from tiny_moa.errors import DocumentRefused

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_META = re.compile(rb"<(?:meta|\?xml)[^>]{0,200}?(?:charset|encoding)\s*=\s*[\"']?\s*([A-Za-z0-9_.:\-]+)", re.IGNORECASE)
_SAMPLE_BYTES = 1 << 16


_INVISIBLE = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u200b": "", "\u00ad": "", "\ufeff": "", "\u2060": ""})


def keep_typography(text: str) -> str:
    """Take only what nobody sees out of the text of a web page: hard spaces, soft hyphens, marks of zero width.

    Dashes, quotation marks and the joiners that Persian and Hindi need stay as they were written.
    """
    return text.translate(_INVISIBLE)


def decode_text(content: bytes, name: str, *, is_markup: bool = False) -> tuple[str, str | None]:
    """Decode a text file.

    Tried in order: a byte order mark, UTF-16 by its pattern of NUL bytes, for markup the encoding it declares,
    UTF-8, then code page 949 when most of what is not ASCII becomes everyday Hangul, else code page 1252.

    Args:
        content: The whole file.
        name: What to call it in an error.
        is_markup: Whether a `charset` or `encoding` in the first kilobyte counts.

    Returns:
        The text, line ends untouched, and a warning when the encoding was guessed.

    Raises:
        DocumentRefused: It is not text: it has NUL bytes that no encoding explains.
    """
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return content.decode(encoding, "replace"), None
    if wide := _wide_encoding(content[:_SAMPLE_BYTES]):
        return content.decode(wide, "replace"), f"the encoding was taken to be {wide}"
    if b"\0" in content:
        raise DocumentRefused(f"{name!r} is not text: it has NUL bytes; give it the suffix of its real format")
    for known in (_declared(content) if is_markup else None, "utf-8"):
        if known and (text := _decoded(content, known)) is not None:
            return text, None
    guess = "cp949" if _looks_korean(content) else "cp1252"
    return content.decode(guess, "replace"), f"the encoding was taken to be {guess}; save the file as UTF-8 to be sure"


def _wide_encoding(sample: bytes) -> str | None:
    """Recognise UTF-16 without a mark: mostly ASCII, so every other byte is NUL."""
    pairs = len(sample) // 2
    if pairs < 2:
        return None
    high_first = sample[0 : 2 * pairs : 2].count(0) / pairs
    low_first = sample[1 : 2 * pairs : 2].count(0) / pairs
    if low_first > 0.4 and high_first < 0.05:
        return "utf-16-le"
    return "utf-16-be" if high_first > 0.4 and low_first < 0.05 else None


def _declared(content: bytes) -> str | None:
    found = _META.search(content[:1024])
    return found[1].decode("ascii") if found else None


def _decoded(content: bytes, encoding: str) -> str | None:
    try:
        text = content.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None
    return text if isinstance(text, str) else None


def _looks_korean(content: bytes) -> bool:
    """Whether code page 949 reads the bytes and gives mostly syllables of KS X 1001, the everyday ones."""
    text = _decoded(content, "cp949")
    if text is None:
        return False
    foreign = [character for character in text[:_SAMPLE_BYTES] if ord(character) > 127]
    hangul = [character for character in foreign if "가" <= character <= "힣"]
    everyday = "".join(hangul).encode("euc_kr", "ignore")
    return len(everyday) // 2 * 2 > len(foreign)
