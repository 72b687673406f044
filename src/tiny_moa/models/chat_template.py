"""Renders a conversation by a model's own chat template so that contents can never pass for markup; pure, tokenises nothing.

The template sees random marks in place of the contents. Cut at the marks, its output is a row of segments: template text,
whose special tokens count, and contents, which are only ever text. A template that looks into contents (to strip earlier
thoughts, say) or trims them sees the mark instead and leaves them as they are.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tiny_moa.errors import WeightsInvalid
from tiny_moa.models.runtime import Message


@dataclass(frozen=True)
class Segment:
    """A piece of a rendered conversation.

    Attributes:
        text: Its text, never empty.
        is_content: Whether it is a message's content: to be tokenised without special tokens.
        is_fixed: Whether it stands before the first content that varies.
    """

    text: str
    is_content: bool
    is_fixed: bool


class ChatTemplate:
    """A compiled chat template.

    It runs in Jinja's immutable sandbox, with the variables and settings of the Transformers library, for which the
    templates in GGUF files are written. Its running time is not bounded: that is for the caller's process to do.
    """

    def __init__(self, model: str, source: str, special: Mapping[str, str]) -> None:
        """Compile a template.

        Args:
            model: The model's name, for messages.
            source: The Jinja text in the file.
            special: Variables such as `bos_token` and `eos_token`.

        Raises:
            WeightsInvalid: It is not a Jinja template.
        """
        self._model = model
        self._special = dict(special)
        self._template = _compile(model, source)

    def render(self, messages: Sequence[Message], fixed_messages: int = 0) -> tuple[Segment, ...]:
        """Render a conversation, with the head of the assistant's next turn at its end.

        Where the template refuses or ignores a system message, its text is put before the first user's.

        Args:
            messages: One at least.
            fixed_messages: How many leading contents are the same in every call.

        Raises:
            WeightsInvalid: The template fails, or loses a message.
        """
        marks = [f"content{secrets.token_hex(12)}end" for _ in messages]
        turns = [{"role": message.role, "content": mark} for message, mark in zip(messages, marks, strict=True)]
        try:
            text = self._run(turns, marks)
        except WeightsInvalid:
            if [turn["role"] for turn in turns[:2]] != ["system", "user"]:
                raise
            joined = f"{turns[0]['content']}\n\n{turns[1]['content']}"
            text = self._run([{"role": "user", "content": joined}, *turns[2:]], marks)
        return _cut(text, dict(zip(marks, (message.content for message in messages), strict=True)), set(marks[:fixed_messages]))

    def _run(self, turns: list[dict[str, str]], marks: list[str]) -> str:
        try:
            text: str = self._template.render(messages=turns, add_generation_prompt=True, **self._special)
        except Exception as exc:  # a template is foreign code and may raise anything
            raise WeightsInvalid(
                f"the chat template of model {self._model!r} refuses the conversation: {type(exc).__name__}: {exc}; "
                "use a file with a working template"
            ) from exc
        if lost := sum(mark not in text for mark in marks):
            raise WeightsInvalid(
                f"the chat template of model {self._model!r} loses {lost} of {len(marks)} messages; use another file"
            )
        return text


def _compile(model: str, source: str) -> Any:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    extensions = ["jinja2.ext.loopcontrols", _generation_tag()]
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=extensions)
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = lambda form: ""  # no clock: a date would spoil every kept prefix at midnight
    try:
        return environment.from_string(source)
    except Exception as exc:  # some faults pass Jinja unseen and only Python's compiler stumbles over them
        raise WeightsInvalid(f"the chat template of model {model!r} is not valid Jinja: {exc}; use another file") from exc


def _generation_tag() -> Any:
    """Give the tag `generation` of the Transformers library, which marks what a model wrote for training; here it does nothing.

    LFM2.5's templates use it.
    """
    from jinja2.ext import Extension

    class Generation(Extension):
        tags = {"generation"}  # noqa: RUF012  Jinja's own form

        def parse(self, parser: Any) -> Any:
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    return Generation


def _tojson(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _refuse(reason: str) -> str:
    raise ValueError(reason)


def _cut(text: str, contents: Mapping[str, str], fixed: set[str]) -> tuple[Segment, ...]:
    """Cut a rendered text at the marks, in whatever order and number the template put them."""
    segments: list[Segment] = []
    is_fixed = True
    for index, part in enumerate(re.split("(" + "|".join(contents) + ")", text)):
        is_content = index % 2 == 1
        is_fixed = is_fixed and (not is_content or part in fixed)
        piece = contents[part] if is_content else part
        if piece:
            segments.append(Segment(piece, is_content, is_fixed))
    return tuple(segments)
