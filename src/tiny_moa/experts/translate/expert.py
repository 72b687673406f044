"""The Translator: protects what must stay, translates, and checks that it stayed and that the language is the asked one."""

from __future__ import annotations

from dataclasses import dataclass

from tiny_moa.catalog import ExpertSpec
from tiny_moa.experts.base import Abstention, Attempt, Call, Proposal, Task, TemplatedModel, cut_note, nothing_written, status_of
from tiny_moa.experts.checks import Check
from tiny_moa.experts.translate.masks import Masked, lost_numbers, mask, plain
from tiny_moa.experts.translate.tongues import check_language
from tiny_moa.experts.translate.wanted import Wanted, english_name, read_request

TRANSLATE_TEMPLATE = "experts/translate"
_SHOWN = 3


@dataclass(frozen=True)
class _Draft:
    """One translation, its parts put back, with what was found about it."""

    text: str
    checks: tuple[Check, ...]
    attempt: Attempt

    @property
    def faults(self) -> int:
        return sum(not check.passed for check in self.checks)


class TranslateExpert:
    """Translates the text of a request; answers in words when the request holds no text to translate."""

    def __init__(self, spec: ExpertSpec, model: TemplatedModel) -> None:
        self.spec = spec
        self._model = model

    async def propose(self, task: Task, call: Call) -> Proposal | Abstention:
        """See `Expert.propose`."""
        wanted = read_request(task.text)
        if wanted.text is None:
            return await self._answer(task, wanted, call)
        first = await self._draft(wanted, wanted.text, call, with_numbers=False)
        drafts = [first]
        if first.faults and first.attempt.finish == "stop":
            drafts.append(await self._draft(wanted, wanted.text, call, with_numbers=True))
        best = min(drafts, key=lambda draft: (not draft.text, draft.faults))
        attempts = tuple(draft.attempt for draft in drafts)
        if not best.text:
            return Abstention(self.spec.name, nothing_written(best.attempt))
        faults = tuple(f"Check the translation: {check.detail}." for check in best.checks if not check.passed)
        fields = {"language": wanted.target, "translation": best.text}
        notes = (*faults, *cut_note(best.attempt))
        return Proposal(self.spec.name, best.text, status_of(best.attempt), best.checks, attempts, fields, notes)

    async def _draft(self, wanted: Wanted, text: str, call: Call, *, with_numbers: bool) -> _Draft:
        masked = mask(text, with_numbers=with_numbers)
        values = {"language": english_name(wanted.target), "text": masked.text}
        completion, attempt = await self._model.write(TRANSLATE_TEMPLATE, values, call)
        written = completion.text.strip()
        return _Draft(masked.restore(written), check_translation(masked, written, wanted.target), attempt)

    async def _answer(self, task: Task, wanted: Wanted, call: Call) -> Proposal | Abstention:
        completion, attempt = await self._model.write(self.spec.template, {"task": task.text}, call)
        if not (text := completion.text.strip()):
            return Abstention(self.spec.name, nothing_written(attempt))
        found = check_language(text, wanted.target) if wanted.is_named else None
        checks = (found,) if found else ()
        return Proposal(self.spec.name, text, status_of(attempt), checks, (attempt,), notes=cut_note(attempt))


def check_translation(masked: Masked, written: str, target: str) -> tuple[Check, ...]:
    """Look whether every protected part and every number is there, and whether the language is the asked one.

    Args:
        masked: The text that was translated.
        written: The translation, with its marks.
        target: The language's code.
    """
    checks = []
    if masked.parts:
        lost = masked.lost(written)
        detail = f"lost or doubled: {_listed(lost)}" if lost else f"{len(masked.parts)} parts"
        checks.append(Check("protected", "each part once", not lost, detail))
    source = plain(masked.text)
    gone = lost_numbers(source, plain(written))
    if any(sign.isdecimal() for sign in source):
        checks.append(Check("numbers", "same digits", not gone, f"lost: {_listed(gone)}" if gone else "all there"))
    if (language := check_language(written, target)) is not None:
        checks.append(language)
    return tuple(checks)


def _listed(parts: tuple[str, ...]) -> str:
    shown = ", ".join(repr(part[:40]) for part in parts[:_SHOWN])
    return f"{shown} and {len(parts) - _SHOWN} more" if len(parts) > _SHOWN else shown
