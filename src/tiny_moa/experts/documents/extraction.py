"""Turns a document into JSON of a given form: a model copies values out of passages, and each is looked up in the text."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from tiny_moa.errors import ConversionFailed, InvalidRequest
from tiny_moa.experts.base import Call, TemplatedModel
from tiny_moa.experts.documents.document import Document, Page
from tiny_moa.experts.documents.retrieval import Index, Passage
from tiny_moa.experts.schemas import schema_fault, validator_of

TEMPLATE: Final = "experts/extract"
TEMPLATE_HOLES: Final = ("fields", "passages")
_PASSAGES_A_FIELD: Final = 2
_MATERIAL_CHARACTERS: Final = 3_600
"""What fits, with the rest of the prompt, into a context of 2,048 tokens."""
_REMEDIES: Final = {
    "deadline": "allow more with deadline_seconds",
    "length": "allow more with TINY_MOA_MAX_TOKENS, take a larger model",
}
_SPACE = re.compile(r"\s+")
_NUMBER: Final = re.compile(r"(?<![^\W_])(?<!\d[.,])\d+(?:[.,'’\u00a0\u202f]\d+)*", re.ASCII)
_SEPARATOR: Final = re.compile(r"\D")
_THOUSAND: Final = 3
"""Digits between two marks of thousands."""


@dataclass(frozen=True)
class Field:
    """One value that was extracted.

    Attributes:
        path: Where it is in the JSON, such as `items.0.price`.
        value: A text, a number, a truth value or nothing.
        page: The page of the document that the value stands on; `None` when it stands on none and may be invented.
    """

    path: str
    value: Any
    page: int | None


@dataclass(frozen=True)
class Extraction:
    """What was extracted from a document.

    Attributes:
        values: The JSON.
        fields: Each single value with its page.
        faults: What is wrong with it by the schema, and which values the document does not hold.
    """

    values: Any
    fields: tuple[Field, ...]
    faults: tuple[str, ...]


async def extract(document: Document, schema: Mapping[str, Any], model: TemplatedModel, call: Call) -> Extraction:
    """Extract what a schema describes.

    Raises:
        InvalidRequest: The schema is none, or not that of an object.
        ConversionFailed: The model did not finish within the bounds.
        ModelError: The model could not do its part.
    """
    fields = _described(schema)
    passages = _passages(document, fields)
    values = {"fields": "\n".join(f"- {name}: {words}" for name, words in fields), "passages": _material(passages)}
    completion, attempt = await model.write(TEMPLATE, values, call, schema=schema)
    try:
        found = json.loads(completion.text)
    except ValueError as exc:
        remedy = _REMEDIES.get(attempt.finish, "take a larger model")
        raise ConversionFailed(
            f"{document.ref.name!r}: the model was cut off ({attempt.finish}); {remedy}, or ask for less"
        ) from exc
    return judge(found, schema, document.pages)


def judge(found: Any, schema: Mapping[str, Any], pages: Sequence[Page]) -> Extraction:
    """Check extracted values by their schema and look each up in the pages; the page of a passage wins over an earlier one.

    A text that stands nowhere is left out where the schema allows nothing in its place.
    """
    found, left_out = _without_inventions(found, schema, pages)
    faults = [
        f"{'.'.join(map(str, error.absolute_path)) or 'the whole'}: {error.message[:200]}"
        for error in validator_of(schema).iter_errors(found)
    ]
    fields = tuple(Field(path, value, find_page(value, pages)) for path, value in _leaves(found))
    faults += [f"{path}: {value!r} does not stand in the document and was left out" for path, value in left_out]
    faults += [f"{field.path}: {field.value!r} does not stand in the document" for field in fields if _is_strange(field)]
    return Extraction(found, fields, tuple(faults))


def _without_inventions(value: Any, part: Any, pages: Sequence[Page], path: str = "") -> tuple[Any, list[tuple[str, str]]]:
    """Give a value with `None` for texts that stand nowhere and may be null by their schema, and what these were."""
    part = part if isinstance(part, Mapping) else {}
    left_out: list[tuple[str, str]] = []
    if isinstance(value, str):
        is_invented = bool(value) and _may_be_null(part) and find_page(value, pages) is None
        return (None, [(path, value)]) if is_invented else (value, [])
    if isinstance(value, Mapping):
        parts = part.get("properties", {})
        inner = {name: (each, parts.get(name)) for name, each in value.items()}
    elif isinstance(value, list):
        inner = {str(number): (each, part.get("items")) for number, each in enumerate(value)}
    else:
        return value, []
    kept = {}
    for name, (each, its) in inner.items():
        kept[name], more = _without_inventions(each, its, pages, f"{path}.{name}" if path else name)
        left_out += more
    return (kept if isinstance(value, Mapping) else list(kept.values())), left_out


def _may_be_null(part: Mapping[str, Any]) -> bool:
    """Whether a schema takes any text or null; where it says which or how texts are written, they need not stand anywhere."""
    kinds = [kind for kind in (part, *(part.get("anyOf") or ()), *(part.get("oneOf") or ())) if isinstance(kind, Mapping)]
    if any(key in kind for kind in kinds for key in ("enum", "const", "format", "pattern")):
        return False
    types = [kind.get("type") for kind in kinds]
    return any("null" in ([kind] if isinstance(kind, str) else kind or ()) for kind in types)


def find_page(value: Any, pages: Sequence[Page]) -> int | None:
    """Give the first page that a value stands on; `None` for none.

    A text stands there as words, whatever their spaces and capitals, a number in any way of writing it: 187.5 as 187,50 too.
    """
    if isinstance(value, bool) or value in (None, ""):
        return None
    if isinstance(value, int | float):
        wanted = abs(Decimal(str(value)))
        return next((page.number for page in pages if wanted in numbers_in(page.markdown)), None)
    pattern = re.compile(rf"(?<![^\W_]){re.escape(_folded(str(value)))}(?![0-9a-z])(?!\.\d)")
    for page in pages:
        text = _folded(page.markdown)
        if pattern.search(text) or pattern.search(re.sub(r"(?<=\d),(?=\d{3})", "", text)):
            return page.number
    return None


def numbers_in(text: str) -> frozenset[Decimal]:
    """Give the numbers that stand in a text, without signs; 1,234 is read both ways, with thousands and with decimals."""
    found: set[Decimal] = set()
    for match in _NUMBER.finditer(text):
        *groups, last = _SEPARATOR.split(match[0])
        if all(len(group) == _THOUSAND for group in [*groups, last][1:]) and len([*groups, last][0]) <= _THOUSAND:
            found.add(Decimal("".join([*groups, last])))
        if groups and all(len(group) == _THOUSAND for group in groups[1:]):
            found.add(Decimal("".join(groups) + "." + last))
        if not groups:
            found.add(Decimal(last))
    return frozenset(found)


def _is_strange(field: Field) -> bool:
    return field.page is None and field.value not in (None, "") and not isinstance(field.value, bool)


def _described(schema: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Give the fields that a schema asks for, with what they mean."""
    if (fault := schema_fault(schema)) is not None:
        raise InvalidRequest(f"extract is no JSON Schema: {fault}")
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or not properties:
        raise InvalidRequest("extract must be the JSON Schema of an object with properties; name each value you want")
    return [(name, _meaning(name, part)) for name, part in properties.items()]


def _meaning(name: str, part: Any) -> str:
    """Say what a field means: its title and description, and the same of what is in it."""
    if not isinstance(part, Mapping):
        return name
    inner = part.get("items") if isinstance(part.get("items"), Mapping) else part
    names = ", ".join(inner.get("properties", {})) if isinstance(inner, Mapping) else ""
    said = " ".join(str(part[key]) for key in ("title", "description") if part.get(key))
    return " ".join(filter(None, (said or name.replace("_", " "), f"({names})" if names else "")))


def _passages(document: Document, fields: Sequence[tuple[str, str]]) -> list[Passage]:
    """Find the passages for each field, in the document's order; its beginning when no word of a field is in it."""
    index = Index([document])
    found: dict[Passage, None] = {}
    for name, words in fields:
        for passage in index.search(f"{name.replace('_', ' ')} {words}", _PASSAGES_A_FIELD):
            found[passage] = None
    passages = sorted({passage.chunk.text: passage for passage in found}.values(), key=lambda passage: passage.chunk.page)
    if passages:
        return passages
    return [Passage(document.ref, chunk, 0.0, 0.0) for chunk in index.chunks[:_PASSAGES_A_FIELD]]


def _material(passages: Sequence[Passage]) -> str:
    written: list[str] = []
    left = _MATERIAL_CHARACTERS
    for passage in passages:
        text = " > ".join(passage.chunk.section) + "\n" + passage.chunk.text
        written.append(text[:left])
        left -= len(text)
        if left <= 0:
            break
    return "\n\n".join(written)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{path}.{number}" if path else str(number))
    else:
        yield path, value


def _folded(text: str) -> str:
    return _SPACE.sub(" ", unicodedata.normalize("NFKC", text)).strip().casefold()
