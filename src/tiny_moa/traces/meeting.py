"""The meeting of a council on the page: who said what in which round, what the ballots came to, and why it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tiny_moa.traces.html import Html, fill, joined, page_words
from tiny_moa.traces.record import Record

_FULL = 62
"""The share of the colour, in per cent, that full support or full opposition gives a field."""
_TEXT_CHARS = 300


Body = Mapping[str, Any]
"""What one entry of the minutes says."""
Table = Sequence[Body]
"""The answers of one round."""


def meeting_of(record: Record) -> Html:
    """Give the section about the meeting a run held; nothing when it held none."""
    minutes = next((step["minutes"] for step in record["steps"] if step.get("minutes")), ())
    said = [(entry.get("kind", ""), entry.get("body", {})) for entry in minutes]
    proposals = {body["round"]: body["proposals"] for kind, body in said if kind == "proposals"}
    tallies = {body["round"]: body for kind, body in said if kind == "tally" and body.get("quorum")}
    members = next((body["members"] for kind, body in said if kind == "opened"), ())
    closed: Body = next((body for kind, body in said if kind == "closed"), {})
    if not proposals:
        return Html()
    heads = joined(fill("round_head", number=number) for number in proposals)
    rows = joined(_row(member, proposals, tallies, is_winner=member == closed.get("winner")) for member in members)
    votes = joined(_conviction(number, body["conviction"]) for number, body in tallies.items())
    missing = [f"{body['member']}: {body['reason']}" for kind, body in said if kind == "missing"]
    notes = fill("notes", items=joined(fill("note", text=text) for text in missing)) if missing else Html()
    return fill(
        "meeting",
        reason=page_words().get(f"ended_{str(closed.get('reason', '')).replace(' ', '_')}", closed.get("reason", "")),
        heads=heads, rows=rows, votes=votes or fill("no_votes"), notes=notes,
    )  # fmt: skip


def _row(member: str, proposals: Mapping[int, Table], tallies: Mapping[int, Body], *, is_winner: bool) -> Html:
    cells = []
    for number, table in proposals.items():
        mine = next((proposed for proposed in table if proposed["author"] == member), None)
        if mine is None:
            cells.append(fill("cell_none"))
            continue
        support = tallies.get(number, {}).get("support", {}).get(mine["label"])
        cells.append(_cell(mine, support))
    return fill("member", who=member, mark=fill("winner") if is_winner else Html(), cells=joined(cells))


def _cell(proposed: Body, support: float | None) -> Html:
    """One answer: coloured by its support, or by what a verifier found where nobody voted."""
    proof = int(proposed.get("proof", 0))
    value = float(proof) if support is None or proof else support
    colour = "--good" if value > 0 else "--bad"
    words = page_words()
    shown = words["proved"] if proof > 0 else words["refuted"] if proof < 0 else "–" if support is None else f"{support:+.2f}"
    text = str(proposed["text"])
    cut = text if len(text) <= _TEXT_CHARS else f"{text[:_TEXT_CHARS]}…"
    return fill("cell", colour=colour, share=f"{abs(value) * _FULL:.0f}", label=proposed["label"], shown=shown, text=cut)


def _conviction(number: int, conviction: float) -> Html:
    share = f"{max(0.0, min(1.0, conviction)) * 100:.0f}"
    return fill("conviction", number=number, share=share, value=f"{conviction:+.2f}")
