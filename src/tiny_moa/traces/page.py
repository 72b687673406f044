"""A record as one HTML page that needs nothing else: no script, no font, no network; its words and looks are in `page.html`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tiny_moa.traces.html import Html, fill, joined, page_words
from tiny_moa.traces.meeting import meeting_of
from tiny_moa.traces.record import Record

_BLOCK = re.compile(r"^[ \t]*```[^\n]*\n(.*?)(?:^[ \t]*```[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_HUES = 7
_TITLE_CHARS = 200
_TICKS = 4


def page_of(record: Record, *, sections: Sequence[str] = ()) -> str:
    """Give the page of a record.

    Args:
        record: From a trace store.
        sections: Further sections as HTML, between the route and the steps; whoever gives them has escaped them.
    """
    record = _titled(record)
    question, hues = str(record["question"]), _hues(record)
    title = question if len(question) <= _TITLE_CHARS else f"{question[:_TITLE_CHARS]}…"
    whole = fill("question", size=len(question), text=question) if len(question) > _TITLE_CHARS else Html()
    return fill(
        "page",
        title=title,
        id=record.get("id", ""),
        asked_at=str(record.get("asked_at", "")).replace("T", " ").replace("+00:00", " UTC"),
        facts=_facts(record),
        answer=Html(_answer(record) + whole),
        timeline=_timeline(record, hues),
        route=_route(record["route"], hues),
        sections=Html("".join((meeting_of(record), *sections))),
        steps=fill("steps", items=joined(_step(step, hues) for step in record["steps"])),
    )


def _titled(record: Record) -> Record:
    """The record with people's names of the experts in place of their own."""
    titles = record.get("titles", {})

    def title(name: str) -> str:
        return str(titles.get(name, name.replace("_", " ").capitalize()))

    def renamed(step: Mapping[str, Any]) -> Record:
        heirs = [title(name) for name in step.get("next_best", ())]
        return {**step, "expert": title(step["expert"]), "instead_of": title(step.get("instead_of", "")), "next_best": heirs}

    answer, route = record["answer"], record["route"]
    return {
        **record,
        "answer": answer and {**answer, "experts": [title(name) for name in answer["experts"]]},
        "route": {**route, "steps": [renamed(step) for step in route["steps"]]},
        "steps": [renamed(step) for step in record["steps"]],
    }


def _hues(record: Record) -> Mapping[str, str]:
    """One hue for each expert, in the order they went to work."""
    experts = dict.fromkeys([step["expert"] for step in record["steps"]] + [step["expert"] for step in record["route"]["steps"]])
    return {expert: f"h{place % (_HUES - 1)}" for place, expert in enumerate(experts)}


# -- the top ----------------------------------------------------------------------------------------------------------


def _facts(record: Record) -> Html:
    words, answer = page_words(), record["answer"]
    status = answer["status"] if answer else "failed"
    attempts = [attempt for step in record["steps"] for attempt in step["attempts"]]
    read, written = (sum(attempt["usage"][name] for attempt in attempts) for name in ("prompt_tokens", "completion_tokens"))
    checks = [check for step in record["steps"] for check in step.get("checks", ())]
    passed = sum(bool(check["passed"]) for check in checks)
    facts: dict[str, object] = {
        "outcome": fill("badge", kind=status, text=status if answer else words["no_answer"]),
        "who": " → ".join(answer["experts"]) if answer else words["none"],
        "took": _seconds(record["seconds"]),
        "tokens": words["read_written"].format(f"{read:,}", f"{written:,}") if attempts else words["none"],
        "checks": words["passed_of"].format(passed, len(checks)) if checks else words["none"],
    }
    return fill("facts", items=joined(fill("fact", name=words[name], value=value) for name, value in facts.items()))


def _answer(record: Record) -> Html:
    answer = record["answer"]
    if not answer:
        return fill("failure", text=record["failure"])
    return fill("answer", text=_prose(answer["text"]), checks=_checks(answer["checks"]), notes=_notes(answer["notes"]))


def _prose(text: str) -> Html:
    """Text with its code blocks set apart; nothing else of Markdown is read."""
    pieces, at = [], 0
    for block in _BLOCK.finditer(text):
        pieces += [("paragraph", text[at : block.start()].strip("\n")), ("code", block[1].rstrip("\n"))]
        at = block.end()
    pieces.append(("paragraph", text[at:].strip("\n")))
    return joined(fill(part, text=piece) for part, piece in pieces if piece.strip())


def _notes(notes: Sequence[str]) -> Html:
    return fill("notes", items=joined(fill("note", text=note) for note in notes)) if notes else Html()


def _checks(checks: Sequence[Mapping[str, Any]]) -> Html:
    if not checks:
        return Html()
    return fill("checks", rows=joined(map(_check, checks)))


def _check(check: Mapping[str, Any]) -> Html:
    word, kind = ("passed", "verified") if check["passed"] else ("failed", "failed")
    badge = fill("badge", kind=kind, text=page_words()[word])
    return fill("check", what=check["what"], how=check["how"], badge=badge, detail=check["detail"])


# -- the timeline -----------------------------------------------------------------------------------------------------


def _timeline(record: Record, hues: Mapping[str, str]) -> Html:
    whole = max([record["seconds"], *(step["began"] + step["seconds"] for step in record["steps"])], default=0.0) or 1.0
    lanes = []
    if record["route"]["seconds"] > 0:
        routing = {"began": 0.0, "seconds": record["route"]["seconds"], "attempts": (), "outcome": "proposed", "models": ()}
        lanes.append(_lane(page_words()["routing"], record["route"]["decided_by"], routing, f"h{_HUES - 1}", whole))
    for step in record["steps"]:
        lanes.append(_lane(step["expert"], _work(step), step, hues[step["expert"]], whole))
    ticks = joined(fill("tick", text=_seconds(whole * n / _TICKS)) for n in range(_TICKS + 1))
    return fill("timeline", lanes=joined(lanes), ticks=ticks)


def _work(step: Mapping[str, Any]) -> str:
    """Which models wrote, and in whose words they were asked."""
    templates = dict.fromkeys(attempt["template"].split("@")[0].split("/")[-1] for attempt in step["attempts"])
    return " · ".join([", ".join(step["models"]) or page_words()["no_model"], *templates])


def _lane(who: str, models: str, step: Mapping[str, Any], hue: str, whole: float) -> Html:
    took = step["seconds"] or 1e-9
    read, write = (sum(attempt["usage"][name] for attempt in step["attempts"]) for name in ("read_seconds", "write_seconds"))
    wait = max(0.0, took - read - write)
    inner = joined(
        fill("stretch", kind=kind, width=_percent(part / max(took, read + write)))
        for kind, part in (("wait", wait), ("read", read), ("write", write))
    )
    kind = " none" if step["outcome"] == "abstained" else ""
    return fill(
        "lane", who=who, models=models, hue=hue, kind=kind, left=_percent(step["began"] / whole), width=_percent(took / whole),
        inner=Html() if kind else inner, seconds=_seconds(step["seconds"]),
    )  # fmt: skip


# -- route and steps ----------------------------------------------------------------------------------------------------


def _route(route: Mapping[str, Any], hues: Mapping[str, str]) -> Html:
    planned = joined(_planned(step, hues[step["expert"]]) for step in route["steps"])
    reason = fill("reason", text=route["reason"]) if route["reason"] else Html()
    plan = fill("plan", items=planned) if planned else Html()
    return fill("route", decided_by=route["decided_by"], seconds=_seconds(route["seconds"]), reason=reason, plan=plan)


def _planned(step: Mapping[str, Any], hue: str) -> Html:
    heirs = fill("heirs", text=", ".join(step["next_best"])) if step.get("next_best") else Html()
    expert, prompt = step["expert"], step["prompt"]
    return fill("planned", hue=hue, priority=step["priority"], expert=expert, prompt=prompt, heirs=heirs)


def _step(step: Mapping[str, Any], hues: Mapping[str, str]) -> Html:
    words, has_proposed = page_words(), step["outcome"] == "proposed"
    status = step["status"] if has_proposed else "abstained"
    read, written = (sum(a["usage"][name] for a in step["attempts"]) for name in ("prompt_tokens", "completion_tokens"))
    thoughts = "\n\n".join(attempt["thoughts"] for attempt in step["attempts"] if attempt["thoughts"])
    body = [fill("took_over", expert=step["instead_of"])] if step["instead_of"] else []
    body.append(_prose(step["text"]) if has_proposed else fill("abstained", reason=step["reason"]))
    body += [_checks(step.get("checks", ())), _notes(step.get("notes", ())), _attempts(step["attempts"])]
    body.append(fill("fold", title=words["asked"], text=step["prompt"]))
    body += [fill("fold", title=words["thought"], text=thoughts)] if thoughts else []
    return fill(
        "step", hue=hues[step["expert"]], open=fill("opened") if step["is_part"] or not has_proposed else Html(),
        expert=step["expert"], badge=fill("badge", kind=status, text=status), seconds=_seconds(step["seconds"]),
        models=", ".join(step["models"]) or words["no_model"], body=joined(piece for piece in body if piece),
        tokens=words["read_written"].format(f"{read:,}", f"{written:,}"),
    )  # fmt: skip


def _attempts(attempts: Sequence[Mapping[str, Any]]) -> Html:
    return fill("attempts", rows=joined(map(_attempt, attempts))) if attempts else Html()


def _attempt(attempt: Mapping[str, Any]) -> Html:
    usage = attempt["usage"]
    cached, written = usage["cached_tokens"], usage["completion_tokens"]
    read = max(0, usage["prompt_tokens"] - cached)
    total = max(1, cached + read + written)
    stood = f" ({page_words()['instead'].format(attempt['instead_of'])})" if attempt["instead_of"] else ""
    meter = fill(
        "meter", title=page_words()["read_written"].format(usage["prompt_tokens"], written), cached=_percent(cached / total),
        read=_percent(read / total), written=_percent(written / total),
    )  # fmt: skip
    return fill(
        "attempt", model=attempt["model"] + stood, meter=meter, template=attempt["template"].split("@")[0],
        finish=attempt["finish"], read=f"{usage['prompt_tokens']:,}", cached=f"{cached:,}", written=f"{written:,}",
        read_seconds=_seconds(usage["read_seconds"]), write_seconds=_seconds(usage["write_seconds"]),
    )  # fmt: skip


def _seconds(seconds: float) -> str:
    return "0" if not seconds else f"{seconds * 1000:.0f} ms" if seconds < 0.95 else f"{seconds:.1f} s"


def _percent(share: float) -> str:
    return f"{min(max(share, 0.0), 1.0) * 100:.2f}"
