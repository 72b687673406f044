"""An engine with one call at a time, for tests that are about answers and not about turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tiny_moa.models.engine import Engine, EngineOptions, EngineRequest
from tiny_moa.models.memory import Prompt, run_alone
from tiny_moa.models.runtime import Completion, RuntimeStatistics
from tiny_moa.models.stopflag import StopFlag


class AloneEngine:
    """Takes all steps of a call at once; every call is stopped by the same flag."""

    def __init__(self, name: str, path: Path, options: EngineOptions, flag: StopFlag | None = None) -> None:
        self.engine = Engine(name, path, options)
        self._flag = flag or StopFlag.private()

    @property
    def context_tokens(self) -> int:
        return self.engine.context_tokens

    @property
    def statistics(self) -> RuntimeStatistics:
        return self.engine.statistics

    def prompt(self, request: EngineRequest) -> Prompt:
        return self.engine.prompt(request)

    def complete(self, request: EngineRequest, report: Callable[[str, str], None]) -> Completion:
        (completion,) = self.sample(request, 1, report)
        return completion

    def sample(self, request: EngineRequest, n: int, report: Callable[[str, str], None]) -> tuple[Completion, ...]:
        return run_alone(self.engine.complete(request, n, self._flag, lambda event, text, answer: report(event, text)))

    def score(self, request: EngineRequest, labels: Sequence[str]) -> tuple[float, ...]:
        return run_alone(self.engine.score(request, labels, self._flag))

    def close(self) -> None:
        self.engine.close()
