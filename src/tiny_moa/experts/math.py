"""The Reasoner: exact arithmetic where that is the whole question, else a model's worked solution, its equations recomputed."""

from __future__ import annotations

from tiny_moa.catalog import ExpertSpec
from tiny_moa.experts import checks
from tiny_moa.experts.base import Abstention, Call, Proposal, Task, TemplatedModel, cut_note, nothing_written, status_of


class MathExpert:
    """Solves a problem; an answer by exact arithmetic is verified, a model's is not."""

    def __init__(self, spec: ExpertSpec, model: TemplatedModel) -> None:
        self.spec = spec
        self._model = model

    async def propose(self, task: Task, call: Call) -> Proposal | Abstention:
        """See `Expert.propose`."""
        return self._compute(task.text) or await self._reason(task, call)

    def _compute(self, text: str) -> Proposal | None:
        expression = checks.sole_expression(text)
        value = checks.evaluate(expression) if expression else None
        if expression is None or value is None:
            return None
        result = checks.write_number(value)
        check = checks.Check("result", "exact arithmetic", True, f"{expression} = {result}")
        return Proposal(self.spec.name, f"{expression} = {result}", "verified", (check,), fields={"answer": result})

    async def _reason(self, task: Task, call: Call) -> Proposal | Abstention:
        completion, attempt = await self._model.write(self.spec.template, {"task": task.text}, call)
        text = completion.text.strip()
        if not text:
            return Abstention(self.spec.name, nothing_written(attempt))
        equations = checks.check_equations(text)
        wrong = [check.detail for check in equations if not check.passed]
        notes = tuple(f"A step is wrong: {detail}." for detail in wrong[:3])
        fields = {"answer": answer} if (answer := _stated_answer(text)) else {}
        return Proposal(self.spec.name, text, status_of(attempt), equations, (attempt,), fields, notes + cut_note(attempt))


def _stated_answer(text: str) -> str:
    """What follows the last `Answer:`, on its line; empty when nothing does."""
    return text.rpartition("Answer:")[2].strip().split("\n")[0].strip() if "Answer:" in text else ""
