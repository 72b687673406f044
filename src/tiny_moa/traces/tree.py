"""A record as a tree for the terminal; prints nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tiny_moa.traces.record import Record

if TYPE_CHECKING:
    from rich.tree import Tree

_STYLES = {"verified": "green", "unverified": "yellow", "partial": "yellow"}
_BRIEF = 300


def tree_of(record: Record, *, is_full: bool = False) -> Tree:
    """Give the tree: the route, each step with its checks, the tokens, the notes; in full, also prompts, texts and thoughts."""
    from rich.tree import Tree

    answer, route = record["answer"], record["route"]
    status = answer["status"] if answer else "no answer"
    style = _STYLES.get(status, "red")
    tree = Tree(f"[bold {style}]{status}[/] · chosen by {route['decided_by']} · {record['seconds']:.1f} s")
    if route["reason"]:
        tree.add(f"why: {plain(route['reason'])}")
    if is_full and len(route["steps"]) > 1:
        plan = tree.add("plan")
        for step in route["steps"]:
            plan.add(f"{step['priority']}. [bold]{step['expert']}[/] {plain(step['prompt'], _BRIEF)}")
    for step in record["steps"]:
        _add_step(tree, step, is_full=is_full)
    tree.add(_tokens([attempt for step in record["steps"] for attempt in step["attempts"]]))
    for note in answer["notes"] if answer else [record["failure"]]:
        tree.add(f"[yellow]{plain(note)}[/]")
    return tree


def _add_step(tree: Tree, step: Mapping[str, Any], *, is_full: bool) -> None:
    outcome = step["status"] if step["outcome"] == "proposed" else f"abstained: {plain(step['reason'])}"
    heir = f" for {step['instead_of']}" if step["instead_of"] else ""
    branch = tree.add(f"[bold]{step['expert']}[/]{heir} {', '.join(step['models'])} · {outcome} · {step['seconds']:.1f} s")
    for check in step.get("checks", ()):
        mark = "passed" if check["passed"] else "[red]FAILED[/]"
        detail = f": {plain(check['detail'])}" if check["detail"] else ""
        branch.add(f"{mark}: {check['what']} ({check['how']}){detail}")
    if not is_full:
        return
    branch.add(f"[dim]asked:[/] {plain(step['prompt'], _BRIEF)}")
    for attempt in step["attempts"]:
        if attempt["thoughts"]:
            branch.add(f"[dim]thought:[/] {plain(attempt['thoughts'], _BRIEF)}")
        branch.add(
            f"[dim]{attempt['model']}, template {attempt['template']}, ended by {attempt['finish']}; {_tokens([attempt])}[/]"
        )
    if step.get("text"):
        branch.add(f"[dim]wrote:[/] {plain(step['text'], _BRIEF)}")


def _tokens(attempts: Sequence[Mapping[str, Any]]) -> str:
    read, cached, written = (
        sum(attempt["usage"][name] for attempt in attempts) for name in ("prompt_tokens", "cached_tokens", "completion_tokens")
    )
    return f"tokens: {read} read ({cached} of them cached), {written} written"


def plain(text: str, longest: int = 100_000) -> str:
    """Give a text on one line, with nothing in it that the terminal or the tree would take for markup or a control."""
    from rich.markup import escape

    line = " ".join("".join(sign if sign.isprintable() or sign.isspace() else "�" for sign in text).split())
    return escape(line if len(line) <= longest else line[: longest - 1] + "…")
