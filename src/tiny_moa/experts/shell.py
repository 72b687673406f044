"""The Shell expert: suggests one command line with its risk; it is text, and nothing here runs it."""

from __future__ import annotations

from typing import Any

from tiny_moa.catalog import ExpertSpec
from tiny_moa.experts import checks
from tiny_moa.experts.base import Abstention, Call, Proposal, Task, TemplatedModel, cut_note, status_of

_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "command": {"type": "string", "minLength": 1, "maxLength": 200},
        "explanation": {"type": "string", "maxLength": 300},
    },
    "required": ["command", "explanation"],
    "additionalProperties": False,
}
_WARNINGS: dict[checks.Risk, str] = {
    "deletes": "This command deletes. Read it twice before you run it.",
    "privileged": "This command needs or changes administrator rights. Read it twice before you run it.",
    "network": "This command uses the network.",
    "writes": "This command changes files or processes.",
    "unknown": "This command names a program we do not know.",
}


class ShellExpert:
    """Turns a request into one command line and a sentence about it."""

    def __init__(self, spec: ExpertSpec, model: TemplatedModel) -> None:
        self.spec = spec
        self._model = model

    async def propose(self, task: Task, call: Call) -> Proposal | Abstention:
        """See `Expert.propose`."""
        completion, attempt = await self._model.write(self.spec.template, {"task": task.text}, call, schema=_SCHEMA)
        reply = checks.parse_json(completion.text, may_be_cut=True)
        if not isinstance(reply, dict) or not str(reply.get("command", "")).strip():
            return Abstention(self.spec.name, "the command was cut off before it was complete; allow more tokens or seconds")
        command = str(reply["command"]).strip()
        risk = checks.risk_of(command)
        warning = (_WARNINGS[risk],) if risk in _WARNINGS else ()
        text = "\n".join((*warning, f"```sh\n{command}\n```", str(reply.get("explanation", "")).strip()))
        fields = {"command": command, "explanation": reply.get("explanation", ""), "risk": risk}
        notes = ("The command was not run.", *cut_note(attempt))
        return Proposal(
            self.spec.name, text.strip(), status_of(attempt), (checks.check_shell(command),), (attempt,), fields, notes
        )
