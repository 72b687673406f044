"""Model replies that are drawn once: whoever asks a model the same again, with the same seed, is given the reply it had.

So ways of answering that begin alike share what they begin with, a run that was ended goes on where it stood, and a meeting can
be counted in another way without a model. Nothing is free by it: every run counts what its replies cost as if it were alone. A
prompt counts whole where a run reads it first, and not where it reads it again; what other runs left in a model's cache counts
nowhere. The seconds of a reply are those it took when it was drawn. What a deadline cut off is not kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio

from tiny_moa.catalog import ModelSpec
from tiny_moa.models.runtime import Completion, CompletionRequest, Launcher, Listener, LoadOptions, Runtime, RuntimeStatistics
from tiny_moa.models.wire import completion_of, request_fields


@dataclass
class Cost:
    """What one run cost so far.

    Attributes:
        read: Prompt tokens, those of a prompt it had read before left out.
        written: Tokens written.
        copied: The prompt tokens that were left out.
        saved: Seconds its remembered replies took when they were drawn.
        fresh: Replies that had to be drawn.
    """

    read: int = 0
    written: int = 0
    copied: int = 0
    saved: float = 0.0
    fresh: int = 0
    _seen: set[str] = field(default_factory=set)

    def prompt(self, prompt: str, tokens: int) -> int:
        """Count a prompt and give how many of its tokens this run had read before: all or none."""
        copied = tokens if prompt in self._seen else 0
        self._seen.add(prompt)
        self.read += tokens - copied
        self.copied += copied
        return copied


class Replies:
    """All replies there are, in a file of JSON lines when one is named, and what the run that goes on costs."""

    def __init__(self, path: Path | None = None) -> None:
        """Read what is kept; a last line that was cut off is drawn anew."""
        self._path = path
        self._kept: dict[str, dict[str, Any]] = {}
        self.cost = Cost()
        lines = path.read_text("utf-8").splitlines(keepends=True) if path and path.exists() else []
        whole = [line for line in lines if line.endswith("\n")]
        if path and len(whole) != len(lines):
            path.write_text("".join(whole), "utf-8")
        for line in whole:
            entry = json.loads(line)
            self._kept[entry.pop("key")] = entry

    def __len__(self) -> int:
        return len(self._kept)

    def begin(self) -> None:
        """Begin a run: nothing is read yet."""
        self.cost = Cost()

    def find(self, key: str) -> dict[str, Any] | None:
        """Give what is kept under a key."""
        return self._kept.get(key)

    def keep(self, key: str, entry: dict[str, Any]) -> None:
        """Keep a reply."""
        self._kept[key] = entry
        if self._path:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": key, **entry}) + "\n")


class RememberingLauncher:
    """Loads models whose replies are remembered."""

    def __init__(self, launch: Launcher, replies: Replies) -> None:
        self._launch = launch
        self._replies = replies

    async def __call__(self, spec: ModelSpec, weights: Path, options: LoadOptions) -> Runtime:
        """See `Launcher`."""
        runtime = await self._launch(spec, weights, options)
        return _Remembering(runtime, f"{spec.name} {spec.sha256 or weights.name}", self._replies)


class _Remembering:
    """A loaded model. Implements `Runtime`; one call at a time is timed."""

    def __init__(self, runtime: Runtime, name: str, replies: Replies) -> None:
        self._runtime = runtime
        self._name = name
        self._replies = replies
        self._counted = RuntimeStatistics()

    async def complete(self, request: CompletionRequest, *, deadline: float, listener: Listener) -> Completion:
        """See `Runtime.complete`."""
        (completion,) = await self.sample(request, 1, deadline=deadline, listener=listener)
        return completion

    async def sample(self, request: CompletionRequest, n: int, *, deadline: float, listener: Listener) -> tuple[Completion, ...]:
        """See `Runtime.sample`; the first of many answers are as good as few."""
        key = _digest("sample", self._name, request_fields(request))
        kept = self._replies.find(key)
        if kept and len(kept["completions"]) >= n:
            found = tuple(map(completion_of, kept["completions"][:n]))
            self._replies.cost.saved += kept["seconds"] * n / len(kept["completions"])
            for completion in found:
                listener.wrote(completion.text)
            return self._charged(request, found)
        began = anyio.current_time()
        found = await self._runtime.sample(request, n, deadline=deadline, listener=listener)
        self._replies.cost.fresh += 1
        if all(completion.finish != "deadline" for completion in found):
            seconds = round(anyio.current_time() - began, 3)
            self._replies.keep(key, {"completions": [asdict(each) for each in found], "seconds": seconds})
        return self._charged(request, found)

    async def score(self, request: CompletionRequest, labels: Sequence[str], *, deadline: float) -> tuple[float, ...]:
        """See `Runtime.score`."""
        key = _digest("score", self._name, request_fields(request), list(labels))
        if kept := self._replies.find(key):
            self._replies.cost.saved += kept["seconds"]
        else:
            began, before = anyio.current_time(), self._runtime.statistics()
            scores = await self._runtime.score(request, labels, deadline=deadline)
            after = self._runtime.statistics()
            tokens = after.evaluated_tokens - before.evaluated_tokens + after.cached_tokens - before.cached_tokens
            kept = {"scores": list(scores), "tokens": tokens, "seconds": round(anyio.current_time() - began, 3)}
            self._replies.cost.fresh += 1
            self._replies.keep(key, kept)
        copied = self._replies.cost.prompt(self._prompt(request), kept["tokens"])
        self._count(kept["tokens"] - copied, copied, 0)
        return tuple(kept["scores"])

    def _charged(self, request: CompletionRequest, found: Sequence[Completion]) -> tuple[Completion, ...]:
        """Give answers with what they cost this run; the first one of a fan-out reads the prompt."""
        tokens = found[0].usage.prompt_tokens
        copied = self._replies.cost.prompt(self._prompt(request), tokens)
        written = sum(completion.usage.completion_tokens for completion in found)
        self._replies.cost.written += written
        self._count(tokens - copied + written, copied + (len(found) - 1) * tokens, written)
        cached = (copied, *(each.usage.prompt_tokens for each in found[1:]))
        return tuple(replace(c, usage=replace(c.usage, cached_tokens=n)) for c, n in zip(found, cached, strict=True))

    def _prompt(self, request: CompletionRequest) -> str:
        fields = request_fields(request)
        return _digest(self._name, fields["messages"], fields["raw"])

    def _count(self, evaluated: int, cached: int, generated: int) -> None:
        now = self._counted
        self._counted = replace(
            now,
            evaluated_tokens=now.evaluated_tokens + evaluated,
            cached_tokens=now.cached_tokens + cached,
            generated_tokens=now.generated_tokens + generated,
        )

    def statistics(self) -> RuntimeStatistics:
        """Give the counters as they are charged."""
        return self._counted

    @property
    def slots(self) -> int:
        """See `Runtime.slots`."""
        return self._runtime.slots

    @property
    def is_parked(self) -> bool:
        """See `Runtime.is_parked`."""
        return self._runtime.is_parked

    @property
    def is_alive(self) -> bool:
        """See `Runtime.is_alive`."""
        return self._runtime.is_alive

    def resident_bytes(self) -> int:
        """See `Runtime.resident_bytes`."""
        return self._runtime.resident_bytes()

    async def park(self) -> None:
        """See `Runtime.park`."""
        await self._runtime.park()

    async def aclose(self) -> None:
        """See `Runtime.aclose`."""
        await self._runtime.aclose()


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()[:32]
