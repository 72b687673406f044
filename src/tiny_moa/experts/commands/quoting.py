"""Writes values into command templates so that the shell gives the program exactly the value; pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

SLOT = re.compile(r"\{(?P<name>[a-z]+\d?)(?P<many>\+)?(?P<maybe>\?)?(?::(?P<filter>\w+))?(?:=(?P<default>[^{}]*))?\}")
_HOME = re.compile(r"~(?=/|$)")
_GLOB_PARTS = re.compile(r"[*?]+|\[[^\]/]*\]|\{[\w.,-]+\}")
_FILTERS: Mapping[str, tuple[str, str]] = {
    "sed": (r"([.\[\]*^$/\\])", r"\\\1"),
    "sedto": (r"([&/\\])", r"\\\1"),
    "awk": (r"([.\[\]*^$/\\+?(){}|])", r"\\\1"),
    "awktext": (r'(["\\])', r"\\\1"),
}


def quote(value: str) -> str:
    """Quote a value as one word of a shell command; plain words stay as they are."""
    return shlex.quote(value)


def quote_path(value: str) -> str:
    """Quote a path: a leading `~/` stays bare so that the shell still expands it."""
    home = _HOME.match(value)
    if home is None or value == "~":
        return value if value == "~" else quote(value if not value.startswith("-") else f"./{value}")
    rest = value[2:]
    return "~/" + (quote(rest) if rest else "")


def quote_glob(value: str) -> str:
    """Quote a file pattern that the shell is to expand: its wildcards stay bare, all else is quoted."""
    out, position = "~/" if value.startswith("~/") else "", 2 if value.startswith("~/") else 0
    for match in _GLOB_PARTS.finditer(value, position):
        before = value[position : match.start()]
        out += (quote(before) if before else "") + match[0]
        position = match.end()
    return out + (quote(value[position:]) if position < len(value) else "")


def fill(template: str, values: Mapping[str, Sequence[tuple[str, str]]]) -> tuple[str, tuple[str, ...]]:
    """Fill a command template.

    Args:
        template: A command with slots: `{file}`, `{file=.}` with a default, `{files+}` for one or more, `{file?}` for one
            that may be missing, `{old:sed}` with characters escaped for a program's own language. A slot inside single
            quotes becomes a part of that word. A command (`raw`) stays as the user wrote it unless the slot says `:word`.
        values: For each slot the values it takes, each with how it is written: `path`, `glob`, `text` or `raw`.

    Returns:
        The command, and the placeholders that are still to be filled, in order.
    """
    out, missing, position = "", [], 0
    for match in SLOT.finditer(template):
        out += template[position : match.start()]
        position = match.end()
        inside = out.count("'") % 2 == 1
        given = values.get(match["name"], ())
        if given:
            out += " ".join(_written(value, how, match["filter"], inside=inside) for value, how in given if value or inside)
        elif match["default"] is not None:
            out += match["default"]
        elif not match["maybe"]:
            missing.append(match["name"].upper())
            out += match["name"].upper()
    out = re.sub(r" <(?=\s*(?:$|\|))", "", out + template[position:])
    return re.sub(r" {2,}(?=[^']*(?:'[^']*'[^']*)*$)", " ", out).strip(), tuple(missing)


def _written(value: str, how: str, escape: str | None, *, inside: bool) -> str:
    if escape is not None and escape in _FILTERS:
        value = re.sub(*_FILTERS[escape], value)
    if how == "raw" and escape != "word":
        return value
    if inside:
        return value.replace("'", "'\\''")
    if how == "glob":
        return quote_glob(value)
    return quote_path(value) if how == "path" else quote(value)
