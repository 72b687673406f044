"""The Coder: writes code into a fenced block and parses it, or explains code it is shown; runs nothing."""

from __future__ import annotations

import re

from tiny_moa.catalog import ExpertSpec
from tiny_moa.errors import InvalidRequest
from tiny_moa.experts import checks
from tiny_moa.experts.base import Abstention, Call, Proposal, Task, TemplatedModel, cut_note, nothing_written, status_of

EXPLAIN_TEMPLATE = "experts/explain_code"
_LANGUAGE = re.compile(r"[A-Za-z][\w+#.-]{0,30}")
_SHOWN = re.compile(
    r"```|<material>|\bdef \w+\(|\bclass \w+[:(]|;\s*$|\bthis (?:code|function|script|snippet)\b|이\s*(?:코드|함수)", re.MULTILINE
)
_ABOUT = re.compile(r"\b(?:explain|describe|review|what does|why does|summari[sz]e)\b|설명|뭐\s*하는|리뷰|요약", re.IGNORECASE)


class CodeExpert:
    """Writes code for a task, or speaks about code the task shows."""

    def __init__(self, spec: ExpertSpec, model: TemplatedModel) -> None:
        self.spec = spec
        self._model = model

    async def propose(self, task: Task, call: Call) -> Proposal | Abstention:
        """See `Expert.propose`.

        Raises:
            InvalidRequest: The language is not the name of one.
        """
        if not _LANGUAGE.fullmatch(task.language):
            raise InvalidRequest(
                f"language {task.language[:40]!r} is not the name of a programming language; give one such as 'python'"
            )
        if asks_about_code(task.text):
            return await self._explain(task, call)
        return await self._write(task, call)

    async def _write(self, task: Task, call: Call) -> Proposal | Abstention:
        language = task.language.lower()
        completion, attempt = await self._model.write(
            self.spec.template, {"task": task.text, "language": task.language}, call, opening=f"```{language}\n", stops=("\n```",)
        )
        code = checks.fenced_code(completion.text)
        if not code or not code.strip():
            return Abstention(self.spec.name, "the model wrote no code")
        syntax = (checks.check_python(code),) if language in ("python", "py") else ()
        notes = (
            cut_note(attempt)
            if syntax
            else ("Only Python is parsed by this version; this code was not checked.", *cut_note(attempt))
        )
        text = f"```{language}\n{code}```"
        return Proposal(self.spec.name, text, status_of(attempt), syntax, (attempt,), {"code": code, "language": language}, notes)

    async def _explain(self, task: Task, call: Call) -> Proposal | Abstention:
        completion, attempt = await self._model.write(EXPLAIN_TEMPLATE, {"task": task.text}, call)
        if not (text := completion.text.strip()):
            return Abstention(self.spec.name, nothing_written(attempt))
        return Proposal(self.spec.name, text, status_of(attempt), attempts=(attempt,), notes=cut_note(attempt))


def asks_about_code(text: str) -> bool:
    """Whether a task shows code and asks about it, rather than for new code."""
    return bool(_ABOUT.search(text)) and bool(_SHOWN.search(text))
