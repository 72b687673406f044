"""What the engine gives over llama-cpp-python's high-level class: ratios of two things measured by turns in one run.

    uv run --extra local --group dev python benchmarks/runtime.py [--models FOLDER] [--threads 1] [--repeats 3]

FOLDER holds qwen2.5-coder-0.5b-instruct-q4_k_m.gguf; without it SmolLM2 takes its place. The lfm2 and falcon-h1 models
have random weights and are written anew: they show what hybrids cost, not what they know. Medians of all repeats.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import anyio

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.engine_alone import AloneEngine
from tests.gguf_files import Shape, write_random

from tiny_moa.catalog import ModelSpec, Sampling, load_catalog
from tiny_moa.models.engine import EngineOptions, EngineRequest
from tiny_moa.models.llama import LlamaLauncher
from tiny_moa.models.runtime import CompletionRequest, LoadOptions, Message, Phase, Runtime
from tiny_moa.models.weights import WeightStore

CONTEXT = 4096
WRITE_TOKENS = 64
RULE = "Rule number {} says that an answer is short, true, polite and useful to everybody. "
TAILS = ("What should I cook tonight with rice, two eggs and some bread?", "Which shoes are best for a long walk in the rain?")
STEPS = {"type": "array", "items": {"type": "string", "maxLength": 200}, "maxItems": 6}
SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string", "maxLength": 100}, "steps": STEPS},
    "required": ["title", "steps"],
}


class Clock:
    """A listener that notes when each token came."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.times: list[float] = []
        self.reading = anyio.Event()

    def stage(self, name: str) -> None:
        """Nothing to note."""

    def phase(self, phase: Phase, subject: str) -> None:
        """Note that reading began."""
        if phase == "reading":
            self.reading.set()

    def wrote(self, text: str) -> None:
        """Note the time."""
        self.times.append(time.perf_counter())

    @property
    def first(self) -> float:
        """Seconds to the first token."""
        return self.times[0] - self.began

    @property
    def per_token(self) -> float:
        """Median seconds between tokens."""
        return statistics.median(later - earlier for earlier, later in zip(self.times, self.times[1:], strict=False))


def request(
    tail: str,
    *,
    tokens: int = WRITE_TOKENS,
    schema: Any = None,
    seed: int = 1,
    temperature: float = 0.0,
    is_spelled: bool = False,
) -> CompletionRequest:
    """Give a request behind fixed rules of some 400 tokens: words for a real vocabulary, letters for one that spells."""
    rules = "".join(RULE.format(number) for number in range(5 if is_spelled else 20))
    sampling = Sampling(temperature=temperature, seed=seed)
    return CompletionRequest((Message("system", rules), Message("user", tail)), tokens, sampling, schema=schema, fixed_messages=1)


def distant() -> float:
    """Give a deadline that never comes."""
    return anyio.current_time() + 600


async def ours(runtime: Runtime, asked: CompletionRequest) -> Clock:
    """Complete a request and give its clock."""
    clock = Clock()
    await runtime.complete(asked, deadline=distant(), listener=clock)
    return clock


def hear(clock: Clock, event: str, text: str) -> None:
    """Hear what an engine in this process reports."""
    if event == "token":
        clock.wrote(text)


class HighLevel:
    """llama-cpp-python's own class on the same file, asked the same."""

    def __init__(self, path: Path, threads: int) -> None:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
        import llama_cpp

        defaults = llama_cpp.llama_model_default_params

        def unpacked() -> Any:
            parameters = defaults()
            parameters.use_extra_bufts = False
            return parameters

        # The class cannot be told to leave the weights as they are. Ours does, so both compute the same here; where the
        # machine has the instructions, repacked weights read faster, write slower and take half as much memory again.
        llama_cpp.llama_cpp.llama_model_default_params = unpacked
        llama_cpp.llama_model_default_params = unpacked
        self._quiet = llama_cpp.llama_log_callback(lambda level, text, data: None)
        llama_cpp.llama_log_set(self._quiet, None)
        self._llama = llama_cpp.Llama(
            str(path), n_ctx=CONTEXT, n_threads=threads, n_threads_batch=threads, n_batch=64, n_ubatch=64, verbose=True
        )

    def complete(self, asked: CompletionRequest) -> Clock:
        """Complete a request and give its clock."""
        clock = Clock()
        messages = [{"role": message.role, "content": message.content} for message in asked.messages]
        stream = self._llama.create_chat_completion(
            messages, stream=True, max_tokens=asked.max_tokens, temperature=0.0, repeat_penalty=1.0
        )
        for event in stream:
            if event["choices"][0]["delta"].get("content"):
                clock.wrote("")
        if not clock.times:
            clock.wrote("")  # random weights may write half a character, which is never given out
        return clock

    def close(self) -> None:
        """Free the model."""
        self._llama.close()


def median_ratio(pairs: list[tuple[float, float]]) -> float:
    """Give the median of first over second."""
    return statistics.median(first / second for first, second in pairs)


class Report:
    """Prints each figure with its aim and keeps it."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def add(self, what: str, value: float, unit: str, aim: str, *, is_met: bool | None) -> None:
        """Print one figure."""
        self.rows.append({"what": what, "value": round(value, 3), "unit": unit, "aim": aim, "met": is_met})
        mark = {True: "met", False: "MISSED", None: ""}[is_met]
        print(f"{what:78}{value:9.2f} {unit:4} {aim:14} {mark}", flush=True)


async def writing(runtime: Runtime, other: HighLevel, repeats: int, report: Report, name: str) -> None:
    """Compare tokens a second of one answer."""
    pairs = []
    for _ in range(repeats):
        theirs = other.complete(request(TAILS[0])).per_token
        pairs.append((theirs, (await ours(runtime, request(TAILS[0]))).per_token))
    ratio = median_ratio(pairs)
    report.add(f"{name}: tokens a second, ours / high-level class", ratio, "x", ">= 0.97", is_met=ratio >= 0.97)


async def prefixes(runtime: Runtime, other: HighLevel, repeats: int, report: Report, name: str, aim: float | None) -> None:
    """Compare the time to the first token when only the tail is new."""
    is_spelled = aim is not None
    first = request("Hello.", tokens=1, is_spelled=is_spelled)
    other.complete(first)
    await ours(runtime, first)
    pairs = []
    for turn in range(repeats):
        tail = f"{TAILS[turn % 2][:25]} {turn}" if is_spelled else f"{TAILS[turn % 2]} ({turn})"
        asked = request(tail, tokens=2, is_spelled=is_spelled)
        pairs.append((other.complete(asked).first, (await ours(runtime, asked)).first))
    ratio = median_ratio(pairs)
    is_met = ratio >= aim if aim else None
    what = f"{name}: first token behind a known prefix, high-level / ours"
    report.add(what, ratio, "x", f">= {aim:g}" if aim else "", is_met=is_met)


async def grammar(runtime: Runtime, repeats: int, report: Report, name: str) -> None:
    """Compare the time of a token with and without a schema."""
    pairs = []
    for _ in range(repeats):
        free = (await ours(runtime, request(TAILS[0]))).per_token
        pairs.append(((await ours(runtime, request(TAILS[0], schema=SCHEMA))).per_token, free))
    overhead = 100 * (median_ratio(pairs) - 1)
    report.add(f"{name}: a token under a schema costs more by", overhead, "%", "<= 15", is_met=overhead <= 15)


async def fan_out(runtime: Runtime, repeats: int, report: Report, name: str) -> None:
    """Compare three samples as one batch with three one after another."""
    pairs = []
    for turn in range(repeats):
        asked = request(TAILS[0], tokens=48, temperature=0.8, seed=10 * turn)
        began = time.perf_counter()
        for seed in range(3):
            await ours(runtime, request(TAILS[0], tokens=48, temperature=0.8, seed=10 * turn + seed))
        middle = time.perf_counter()
        await runtime.sample(asked, 3, deadline=distant(), listener=Clock())
        pairs.append((middle - began, time.perf_counter() - middle))
    report.add(f"{name}: three samples, one after another / as one batch", median_ratio(pairs), "x", "", is_met=None)


async def aborts(runtime: Runtime, repeats: int, report: Report, name: str) -> None:
    """Time a cancellation inside a prompt of some 2,000 tokens."""
    waits = []
    for turn in range(repeats):
        long = CompletionRequest((Message("user", f"{turn} " + "a quick brown fox jumps over lazy dogs " * 225),), 8)
        clock = Clock()
        async with anyio.create_task_group() as group:
            group.start_soon(partial(runtime.complete, long, deadline=distant(), listener=clock))
            await clock.reading.wait()
            await anyio.sleep(0.3)  # somewhere inside
            began = time.perf_counter()
            group.cancel_scope.cancel()
        waits.append(time.perf_counter() - began)
    report.add(f"{name}: cancel inside a 2,000-token prompt, longest", max(waits), "s", "<= 0.3", is_met=max(waits) <= 0.3)


async def messages(runtime: Runtime, path: Path, threads: int, repeats: int, report: Report, name: str) -> None:
    """Compare a token through the worker process with one of the same engine in this process."""
    engine = AloneEngine("inline", path, EngineOptions(context_tokens=CONTEXT, threads=threads))
    asked = EngineRequest(request(TAILS[0]).messages, WRITE_TOKENS, fixed_messages=1)
    pairs = []
    for _ in range(repeats):
        clock = Clock()
        engine.complete(asked, partial(hear, clock))
        pairs.append(((await ours(runtime, request(TAILS[0]))).per_token, clock.per_token))
    engine.close()
    overhead = 1000 * statistics.median(through - inside for through, inside in pairs)
    report.add(f"{name}: the worker process adds to each token", overhead, "ms", "", is_met=None)


async def measure(report: Report, threads: int, repeats: int, name: str, path: Path, *, is_hybrid: bool) -> None:
    """Measure one model file."""
    runtime = await LlamaLauncher(threads)(ModelSpec(name=name, title=name, path=path), path, LoadOptions(context_tokens=CONTEXT))
    other = HighLevel(path, threads)
    try:
        await prefixes(runtime, other, repeats, report, name, 5.0 if is_hybrid else None)
        if not is_hybrid:
            await writing(runtime, other, repeats, report, name)
            await grammar(runtime, repeats, report, name)
            await fan_out(runtime, repeats, report, name)
            await aborts(runtime, repeats, report, name)
            await messages(runtime, path, threads, repeats, report, name)
    finally:
        other.close()
        await runtime.aclose()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="The engine beside llama-cpp-python's high-level class.")
    default = os.environ.get("TINY_MOA_BENCH_MODELS") or Path.home() / ".cache" / "tiny-moa-bench"
    parser.add_argument("--models", type=Path, default=Path(default))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--only-hybrids", action="store_true", help="leave out the real model")
    given = parser.parse_args()
    real = given.models / "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
    if not real.exists():
        real = WeightStore().locate(load_catalog().models["smollm2-135m"])
    print(f"{datetime.now(UTC).date()}  {platform.machine()}, {given.threads} thread(s), repeats={given.repeats}, {real.name}")
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        if not given.only_hybrids:
            anyio.run(partial(measure, report, given.threads, given.repeats, is_hybrid=False), "qwen2 0.5B", real)
        for name, path in hybrids(Path(folder)):
            anyio.run(partial(measure, report, given.threads, given.repeats, is_hybrid=True), name, path)
    if given.json:
        given.json.write_text(json.dumps(report.rows, indent=2), encoding="utf-8")


def hybrids(folder: Path) -> list[tuple[str, Path]]:
    """Write random hybrid models large enough that reading a prompt takes time."""
    shape = Shape(blocks=12, embedding=768, feed_forward=2048, heads=24, ssm_inner=768, ssm_heads=48)
    kinds = ("lfm2", "falcon-h1")
    return [(f"{kind} (random)", write_random(folder / f"{kind}.gguf", kind, shape=shape)) for kind in kinds]


if __name__ == "__main__":
    main()
