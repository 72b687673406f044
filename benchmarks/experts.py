"""What each expert adds to its model: questions with known answers, put to the bare model and to our tool by turns.

    uv run --extra local --group dev python benchmarks/experts.py SET.jsonl... --scorer SCORER.py [--models FOLDER]
        [--catalog benchmarks/catalogs/standin.toml] [--profile standin] [--n 16] [--seed 1] [--json OUT.json]

A set holds one JSON object a line with `id`, `task`, `input` and `expected`; a task is `math`, `code`, `call` (with `tools`),
`command` or `translate` (with `target_lang`). The scorer is a Python file with `score_record(record, output)`, which gives
`{"score": 0 to 1}`. Both are asked through the tools of one server, with the same model: the bare one is the expert
`bare_TASK` of the catalogue, asked once. Intervals are 95 %: Wilson's for shares, a bootstrap over items for differences.
The JSON keeps every answer as soon as it is there, and at the end of a set its figures; also the digests of the models' files,
versions and the date.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import logging
import math
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import anyio
from mcp import Client
from mcp.types import CallToolResult

from tiny_moa import Settings, Team, TinyMoAError, __version__, build_team, load_settings
from tiny_moa.models.weights import digest_of
from tiny_moa.server.app import build_server

FOLDER = Path(__file__).parent
LANGUAGES = {"en": "English", "ko": "Korean", "ja": "Japanese", "zh": "Chinese", "fr": "French", "de": "German", "es": "Spanish"}
RESAMPLES = 10_000
Record = Mapping[str, Any]
Scorer = Callable[[Record, str], Mapping[str, float]]


class Unusable(Exception):
    """Something given on the command line cannot be used."""


@dataclass(frozen=True)
class Door:
    """How items of one task are put to the tool and to the bare model, and how the tool's answer is read.

    Attributes:
        expert: The expert behind the tool.
        tool: The tool.
        ask: Gives the tool's arguments for an item.
        bare: Gives what the bare model is asked.
        read: Gives the text to score out of the tool's values and its text.
    """

    expert: str
    tool: str
    ask: Callable[[Record], dict[str, Any]]
    bare: Callable[[Record], str] = lambda item: str(item["input"])
    read: Callable[[Mapping[str, Any], str], str] = lambda values, text: text


def _offered(item: Record) -> str:
    return f"Tools:\n{json.dumps(item['tools'], ensure_ascii=False)}\n\nRequest: {item['input']}"


def _to_translate(item: Record) -> str:
    code = str(item.get("target_lang", "en"))
    return f"Translate into {LANGUAGES.get(code, code)}: {item['input']}"


DOORS: Mapping[str, Door] = {
    "math": Door("reasoner", "solve_math", lambda item: {"problem": item["input"]}),
    "code": Door("coder", "write_code", lambda item: {"task": item["input"]}),
    "call": Door(
        "tool_caller", "call_tool", lambda item: {"request": item["input"], "tools": item["tools"]}, _offered,
        lambda values, text: json.dumps(values.get("calls", []), ensure_ascii=False),
    ),
    "command": Door(
        "linux", "linux_command", lambda item: {"request": item["input"]},
        read=lambda values, text: str(values.get("command", text)),
    ),
    "translate": Door("multilingual", "translate", lambda item: {"request": _to_translate(item)}, _to_translate),
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What one side made of one item.

    Attributes:
        output: What was scored.
        score: 0 to 1.
        status: The reply's, or `error`.
        written: Tokens written.
        read: Tokens read, those copied from memory left out.
        seconds: How long the call took.
    """

    output: str
    score: float
    status: str
    written: int
    read: int
    seconds: float


@dataclass(frozen=True)
class Pair:
    """One item with both outcomes; `kind` is the item's own, where its set has kinds."""

    id: str
    bare: Outcome
    tool: Outcome
    kind: str = ""


async def put(client: Client, tool: str, arguments: dict[str, Any]) -> tuple[CallToolResult, float]:
    """Call a tool and time it."""
    began = time.perf_counter()
    result = await client.call_tool(tool, arguments)
    return result, time.perf_counter() - began


def outcome(item: Record, answered: tuple[CallToolResult, float], door: Door, scorer: Scorer) -> Outcome:
    """Score what a call gave; an error counts as an empty answer."""
    result, seconds = answered
    text = result.content[0].text if result.content and result.content[0].type == "text" else ""
    reply = result.structured_content or {}
    if result.is_error:
        return Outcome(text, float(scorer(item, "")["score"]) if door.tool == "call_tool" else 0.0, "error", 0, 0, seconds)
    output = door.read(reply.get("result", {}), text)
    tokens = reply.get("tokens", {})
    read = tokens.get("prompt", 0) - tokens.get("cached", 0)
    return Outcome(output, float(scorer(item, output)["score"]), str(reply["status"]), tokens.get("completion", 0), read, seconds)


async def measure(
    client: Client, items: Sequence[Record], scorer: Scorer, limits: Mapping[str, Any], keep: Callable[[Sequence[Pair]], None]
) -> list[Pair]:  # fmt: skip
    """Put each item to the bare model and to the tool, by turns; what is there is kept after each."""
    pairs: list[Pair] = []
    for position, item in enumerate(items, start=1):
        door = DOORS[item["task"]]
        plain = Door(f"bare_{item['task']}", f"bare_{item['task']}", door.ask)
        bare = outcome(item, await put(client, plain.tool, {"request": door.bare(item), **limits}), plain, scorer)
        tool = outcome(item, await put(client, door.tool, {**door.ask(item), **limits}), door, scorer)
        pairs.append(Pair(item["id"], bare, tool, str(item.get("kind", ""))))
        keep(pairs)
        print(
            f"  {position}/{len(items)} {item['id']}: bare {bare.score:.2f}, tool {tool.score:.2f} {tool.status}", file=sys.stderr
        )
    return pairs


# -- figures --------------------------------------------------------------------------------------------------------


def wilson(hits: float, n: int) -> tuple[float, float]:
    """Give the 95 % interval of a share by Wilson's formula; (0, 1) without items."""
    if not n:
        return 0.0, 1.0
    z, share = 1.96, hits / n
    middle, spread = share + z * z / (2 * n), z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return (middle - spread) / scale, (middle + spread) / scale


def bootstrap(differences: Sequence[float], seed: int) -> tuple[float, float]:
    """Give the 95 % interval of the mean of paired differences by the percentiles of resampled means."""
    draw = random.Random(seed)
    means = sorted(statistics.fmean(draw.choices(differences, k=len(differences))) for _ in range(RESAMPLES))
    return means[int(RESAMPLES * 0.025)], means[int(RESAMPLES * 0.975) - 1]


def summary(pairs: Sequence[Pair], seed: int) -> dict[str, Any]:
    """Give the figures of one set."""
    n = len(pairs)
    verified = [pair.tool for pair in pairs if pair.tool.status == "verified"]
    right = sum(one.score >= 1 for one in verified)
    differences = [pair.tool.score - pair.bare.score for pair in pairs]
    sides = {"bare": [pair.bare for pair in pairs], "tool": [pair.tool for pair in pairs]}
    figures: dict[str, Any] = {"n": n}
    for name, side in sides.items():
        total = sum(one.score for one in side)
        figures[name] = {
            "score": total / n,
            "interval": wilson(total, n),
            "errors": sum(one.status == "error" for one in side),
            "tokens_written": statistics.fmean(one.written for one in side),
            "tokens_read": statistics.fmean(one.read for one in side),
            "seconds": statistics.fmean(one.seconds for one in side),
        }
    figures["difference"] = {"mean": statistics.fmean(differences), "interval": bootstrap(differences, seed)}
    figures["verified"] = {
        "share": len(verified) / n,
        "n": len(verified),
        "right": right,
        "interval": wilson(right, len(verified)),
    }
    kinds = dict.fromkeys(pair.kind for pair in pairs if pair.kind)
    figures["kinds"] = {kind: _scores_of([pair for pair in pairs if pair.kind == kind]) for kind in kinds}
    return figures


def _scores_of(pairs: Sequence[Pair]) -> dict[str, float]:
    return {"n": len(pairs), "bare": sum(pair.bare.score for pair in pairs), "tool": sum(pair.tool.score for pair in pairs)}


def show(name: str, figures: Mapping[str, Any]) -> None:
    """Print the figures of one set."""
    print(f"\n{name}: {figures['n']} items")
    for side in ("bare", "tool"):
        one = figures[side]
        low, high = one["interval"]
        print(
            f"  {side:5} {one['score']:6.1%} [{low:.1%}, {high:.1%}]  {one['tokens_written']:6.0f} tokens written "
            f"{one['tokens_read']:6.0f} read  {one['seconds']:6.1f} s  {one['errors']} errors"
        )
    low, high = figures["difference"]["interval"]
    ratio = figures["tool"]["tokens_written"] / max(figures["bare"]["tokens_written"], 1e-9)
    print(f"  difference {figures['difference']['mean']:+.1%} [{low:+.1%}, {high:+.1%}], {ratio:.1f} x the tokens written")
    marked = figures["verified"]
    low, high = marked["interval"]
    precision = f"{marked['right']}/{marked['n']} right [{low:.1%}, {high:.1%}]" if marked["n"] else "none"
    print(f"  verified {marked['share']:.1%}: {precision}")
    for kind, one in figures["kinds"].items():
        print(f"  {kind}: bare {one['bare']:g}/{one['n']}, tool {one['tool']:g}/{one['n']}")


# -- what is given --------------------------------------------------------------------------------------------------


def read_set(path: Path, n: int, seed: int) -> list[Record]:
    """Read a set and draw `n` of its items, in the file's order; all when `n` is 0.

    Raises:
        Unusable: It is not there, or not of the form.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise Unusable(f"cannot read the set {str(path)!r}: {exc}") from exc
    items = [_item(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not items:
        raise Unusable(f"the set {str(path)!r} holds no items")
    if not 0 < n < len(items):
        return items
    return [items[index] for index in sorted(random.Random(seed).sample(range(len(items)), n))]


def _item(path: Path, number: int, line: str) -> Record:
    try:
        item = json.loads(line)
    except ValueError as exc:
        raise Unusable(f"{path}:{number}: not JSON: {exc}") from exc
    fields = ("id", "task", "input", "expected")
    if not isinstance(item, dict):
        raise Unusable(f"{path}:{number}: an item is an object with {', '.join(fields)}")
    if absent := [field for field in (*fields, *(["tools"] if item.get("task") == "call" else [])) if field not in item]:
        raise Unusable(f"{path}:{number}: the item has no {absent[0]!r}")
    if item["task"] not in DOORS:
        raise Unusable(f"{path}:{number}: no expert tool is measured by the task {item['task']!r}; known: {', '.join(DOORS)}")
    return item


def load_scorer(path: Path) -> Scorer:
    """Give `score_record` of a Python file.

    Raises:
        Unusable: It is not there, cannot be run, or has none.
    """
    if not path.is_file():
        raise Unusable(f"there is no scorer {str(path)!r}; name a Python file that has score_record(record, output)")
    spec = importlib.util.spec_from_file_location("scorer", path)
    if spec is None or spec.loader is None:
        raise Unusable(f"the scorer {str(path)!r} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as exc:  # a file of somebody else's, run once: whatever it raises ends the command
        raise Unusable(f"the scorer {str(path)!r} cannot be run: {type(exc).__name__}: {exc}") from exc
    if not callable(getattr(module, "score_record", None)):
        raise Unusable(f"the scorer {str(path)!r} has no function score_record(record, output)")
    scorer: Scorer = module.score_record
    return scorer


def check_opponents(team: Team, tasks: set[str]) -> None:
    """Refuse a catalogue whose bare models are not the tools' own, and one whose files are not here.

    Raises:
        Unusable: One of the two.
    """
    for task in sorted(tasks):
        ours, bare = DOORS[task].expert, f"bare_{task}"
        if bare not in team.catalog.experts:
            raise Unusable(f"the catalogue has no expert {bare!r}; copy it from benchmarks/catalogs/standin.toml")
        if (tool := DOORS[task].tool) != team.catalog.experts[ours].tool:
            raise Unusable(f"the catalogue does not publish the expert {ours!r} as the tool {tool!r}")
        models = [team.catalog.expert_model(team.catalog.experts[name], team.profile.name) for name in (ours, bare)]
        if models[0] != models[1]:
            raise Unusable(f"{ours!r} asks {models[0].name!r} and {bare!r} asks {models[1].name!r}; give both one model")
        if not team.weights.is_present(models[0]):
            raise Unusable(f"the file of model {models[0].name!r} is not here; name its folder with --models")


def describe(team: Team, tasks: set[str]) -> dict[str, Any]:
    """Say what was measured: the machine, the versions and the digests of the models' files."""
    experts = [team.catalog.experts[DOORS[task].expert] for task in sorted(tasks)]
    files = {}
    for expert in experts:
        spec = team.catalog.expert_model(expert, team.profile.name)
        path = team.weights.locate(spec)
        files[spec.name] = {"file": path.name, "bytes": path.stat().st_size, "sha256": digest_of(path)}
    versions = {"tiny-moa": __version__, "python": platform.python_version()}
    installed = {distribution.name: distribution.version for distribution in metadata.distributions()}
    versions |= {name: installed[name] for name in ("mcp", "llama-cpp-python", "xllamacpp") if name in installed}
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}"
    roles = {expert.name: team.catalog.expert_model(expert, team.profile.name).name for expert in experts}
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"), "profile": team.profile.name, "machine": machine,
        "versions": versions, "models": files, "experts": roles,
    }  # fmt: skip


async def run(given: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """Measure every set and give all that is kept."""
    scorer = load_scorer(given.scorer)
    sets = {path: read_set(path, given.n, given.seed) for path in given.sets}
    tasks = {item["task"] for items in sets.values() for item in items}
    team = build_team(settings)
    check_opponents(team, tasks)
    kept: dict[str, Any] = {**describe(team, tasks), "seed": given.seed, "max_tokens": settings.max_tokens, "sets": {}}

    def keep(name: str, pairs: Sequence[Pair], figures: Mapping[str, Any]) -> None:
        kept["sets"][name] = {**figures, "items": [asdict(pair) for pair in pairs]}
        if given.json:
            given.json.write_text(json.dumps(kept, ensure_ascii=False, indent=1), "utf-8")

    limits = {"deadline_seconds": settings.deadline_seconds, "max_tokens": settings.max_tokens}
    async with Client(build_server(team), read_timeout_seconds=settings.deadline_seconds + 60) as client:
        for path, items in sets.items():
            pairs = await measure(client, items, scorer, limits, partial(keep, path.stem, figures={}))
            figures = summary(pairs, given.seed)
            show(path.stem, figures)
            keep(path.stem, pairs, figures)
    return kept


def arguments(description: str, *, max_tokens: int) -> argparse.ArgumentParser:
    """Give the arguments that measurements over sets have in common."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("sets", nargs="+", type=Path, metavar="SET", help="JSONL files of questions with known answers")
    parser.add_argument("--scorer", type=Path, required=True, help="a Python file with score_record(record, output)")
    parser.add_argument("--catalog", type=Path, default=FOLDER / "catalogs" / "standin.toml", help="the catalogue to lay over")
    parser.add_argument("--profile", default="standin", help="which of its profiles")
    bench = Path(os.environ.get("TINY_MOA_BENCH_MODELS") or Path.home() / ".cache" / "tiny-moa-bench")
    parser.add_argument("--models", type=Path, default=bench, help="the folder of the GGUF files")
    parser.add_argument("--n", type=int, default=0, help="how many items of each set, drawn by the seed; 0 for all")
    parser.add_argument("--seed", type=int, default=1, help="draws the items and the bootstrap")
    parser.add_argument("--max-tokens", type=int, default=max_tokens, help="most tokens one expert writes")
    parser.add_argument("--deadline", type=float, default=300.0, help="seconds for one item")
    parser.add_argument("--json", type=Path, help="where to keep all of it")
    return parser


def measured(given: argparse.Namespace, run: Callable[[argparse.Namespace, Settings], Awaitable[object]]) -> None:
    """Run a measurement with the settings that were given; what cannot be used ends the program with a sentence."""
    flags = {name: getattr(given, name) for name in ("catalog", "profile", "models", "max_tokens")}
    logging.disable(logging.INFO)
    try:
        if given.n < 0:
            raise Unusable(f"--n is {given.n}; give the number of items, or 0 for all")
        if given.json and not given.json.resolve().parent.is_dir():
            raise Unusable(f"the folder of {str(given.json)!r} does not exist")
        anyio.run(run, given, load_settings(os.environ, **flags, deadline_seconds=given.deadline))
    except (Unusable, TinyMoAError) as exc:
        sys.exit(f"{Path(sys.argv[0]).name}: {exc}")


def main() -> None:
    """Read the arguments, measure, print."""
    measured(arguments("Compare expert tools with their bare models.", max_tokens=512).parse_args(), run)


if __name__ == "__main__":
    main()
