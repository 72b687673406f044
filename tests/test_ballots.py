"""Quadratic voting: the worked example of the protocol, and its invariants for any ballots."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tiny_moa.deliberation.ballots import (
    BUDGET,
    CREDITS,
    Ballot,
    Candidate,
    Form,
    ballot_schema,
    credits_of_probability,
    tally,
    votes,
)
from tiny_moa.errors import NoQuorum

LABELS = ("C1", "C2", "C3", "C4")
AUTHORS = dict(zip(LABELS, "abcd", strict=True))
CANDIDATES = [Candidate(label, author) for label, author in AUTHORS.items()]
FORMS: tuple[Form, ...] = ("intensity", "strict", "mean")
any_credits = st.dictionaries(st.sampled_from(LABELS), st.floats(-100, 100).map(lambda x: round(x, 3)))
any_ballots = st.lists(st.builds(Ballot, st.sampled_from("abcd"), any_credits), unique_by=lambda b: b.voter, max_size=4)
forms = st.sampled_from(FORMS)


def masked(ballot: Ballot) -> Ballot:
    return Ballot(ballot.voter, {label: c for label, c in ballot.credits.items() if AUTHORS[label] != ballot.voter})


def says_something(ballots: list[Ballot]) -> bool:
    return any(not masked(ballot).is_abstention for ballot in ballots)


def test_the_worked_example_comes_out_as_published() -> None:
    ballots = [Ballot("a", {"B": 80, "C": -20}), Ballot("b", {"A": 60, "C": -60}), Ballot("c", {"A": 30, "B": 90})]
    found = tally(ballots, [Candidate("A", "a"), Candidate("B", "b"), Candidate("C", "c")], form="strict")
    assert found.net_support == pytest.approx({"A": 0.604, "B": 0.880, "C": -0.577}, abs=5e-4)
    assert found.winner == "B"
    assert found.is_endorsed
    assert found.conviction == pytest.approx(0.427, abs=5e-4)


def test_opposing_the_losers_lowers_conviction_in_one_form_only() -> None:
    ballots = [Ballot("a", {"B": 0, "C": -9}), Ballot("c", {"A": 9}), Ballot("b", {"A": 9, "C": -9})]
    found = tally(ballots, [Candidate("A", "a"), Candidate("B", "b"), Candidate("C", "c")])
    assert (found.winner, found.positive_conviction) == ("A", 1.0)
    assert found.conviction < 1


def test_a_small_gift_counts_less_only_where_intensity_is_kept() -> None:
    assert votes(Ballot("a", {"C2": 1}), "strict") == {"C2": 1.0}
    assert votes(Ballot("a", {"C2": 1})) == pytest.approx({"C2": 1 / 3})
    assert votes(Ballot("a", {"C2": 9})) == {"C2": 1.0}


def test_a_candidate_that_most_oppose_is_not_endorsed() -> None:
    found = tally([Ballot("a", {"C2": -4, "C3": -9}), Ballot("d", {"C2": -4, "C3": -9})], CANDIDATES[1:3])
    assert not found.is_endorsed
    assert found.winner == "C2"


@pytest.mark.parametrize(
    ("candidates", "winner"),
    [
        ([Candidate("C1", "a", prior=0.2), Candidate("C2", "b", prior=0.7)], "C2"),
        ([Candidate("C1", "a", length=90), Candidate("C2", "b", length=20)], "C2"),
        ([Candidate("C2", "b"), Candidate("C1", "a")], "C1"),
    ],
    ids=["the better author", "the shorter text", "the earlier label"],
)
def test_ties_are_broken_in_order(candidates: list[Candidate], winner: str) -> None:
    assert tally([Ballot("x", {"C1": 4, "C2": 4})], candidates).winner == winner


@pytest.mark.parametrize("ballots", [[], [Ballot("a")], [Ballot("a", {"C1": 9})], [Ballot("b", {"C1": 0})]])
def test_without_a_word_on_others_there_is_no_quorum(ballots: list[Ballot]) -> None:
    with pytest.raises(NoQuorum):
        tally(ballots, CANDIDATES)


def test_one_candidate_is_no_choice() -> None:
    with pytest.raises(NoQuorum):
        tally([Ballot("b", {"C1": 9})], CANDIDATES[:1])


def test_the_schema_offers_a_voter_the_others_only() -> None:
    schema = ballot_schema(["C1", "C3"])
    assert list(schema["properties"]) == schema["required"] == ["C1", "C3"]
    assert schema["properties"]["C1"]["enum"] == list(CREDITS)
    assert all(math.isqrt(abs(credit)) ** 2 == abs(credit) for credit in CREDITS)


@pytest.mark.parametrize(("yes", "given_"), [(0.5, 0.0), (1.0, 9.0), (0.0, -9.0)])
def test_a_verdicts_probability_becomes_credits(yes: float, given_: float) -> None:
    assert credits_of_probability(yes) == given_


@pytest.mark.parametrize("yes", [-0.1, 1.1, math.nan])
def test_what_is_no_probability_is_refused(yes: float) -> None:
    with pytest.raises(ValueError, match="probability"):
        credits_of_probability(yes)


@given(any_credits, st.sampled_from(FORMS[:2]))
def test_no_ballot_buys_more_than_its_purse(credits: Mapping[str, float], form: Form) -> None:
    bought = votes(Ballot("x", credits), form)
    assert sum(vote**2 for vote in bought.values()) <= 1 + 1e-9
    assert all(vote * credits[label] >= 0 for label, vote in bought.items())


@given(any_ballots.filter(says_something), forms)
def test_support_and_conviction_stay_in_their_ranges(ballots: list[Ballot], form: Form) -> None:
    found = tally(ballots, CANDIDATES, form=form)
    assert all(-1 - 1e-9 <= value <= 1 + 1e-9 for value in found.net_support.values())
    assert -1 <= found.conviction <= 1 + 1e-9
    assert 0 <= found.positive_conviction <= 1 + 1e-9


@given(any_ballots.filter(says_something), forms)
def test_a_vote_for_oneself_changes_nothing(ballots: list[Ballot], form: Form) -> None:
    assert tally(ballots, CANDIDATES, form=form) == tally([masked(ballot) for ballot in ballots], CANDIDATES, form=form)


@given(any_ballots.filter(says_something), forms, st.permutations(LABELS))
def test_other_labels_change_no_score(ballots: list[Ballot], form: Form, labels: list[str]) -> None:
    new = dict(zip(LABELS, labels, strict=True))
    renamed = [Ballot(b.voter, {new[label]: c for label, c in b.credits.items()}) for b in ballots]
    found = tally(ballots, CANDIDATES, form=form)
    again = tally(renamed, [Candidate(new[c.label], c.author) for c in CANDIDATES], form=form)
    assert {new[label]: score for label, score in found.scores.items()} == pytest.approx(dict(again.scores))
    assert found.conviction == pytest.approx(again.conviction)


@given(any_ballots.filter(says_something), any_credits, forms)
def test_a_voter_without_weight_changes_nothing(ballots: list[Ballot], credits: Mapping[str, float], form: Form) -> None:
    weights = dict.fromkeys("abcd", 1.0)
    assert tally([*ballots, Ballot("x", credits)], CANDIDATES, weights=weights, form=form) == tally(
        ballots, CANDIDATES, weights=weights, form=form
    )


@given(any_ballots.filter(says_something), forms, st.floats(0.1, 10))
def test_only_the_ratio_of_weights_matters_for_support(ballots: list[Ballot], form: Form, factor: float) -> None:
    one = tally(ballots, CANDIDATES, weights=dict.fromkeys("abcd", 1.0), form=form)
    many = tally(ballots, CANDIDATES, weights=dict.fromkeys("abcd", factor), form=form)
    assert dict(many.net_support) == pytest.approx(dict(one.net_support))


@given(st.floats(0, 1), st.floats(0.01, 0.99))
@example(0.0, 0.03)
def test_a_chance_at_the_threshold_gives_no_credits_and_more_gives_more(yes: float, threshold: float) -> None:
    given_ = credits_of_probability(yes, threshold)
    assert -BUDGET <= given_ <= BUDGET
    assert credits_of_probability(threshold, threshold) == pytest.approx(0, abs=1e-9)
    assert (given_ > 0) == (yes > threshold) or given_ == pytest.approx(0, abs=1e-6)
    assert credits_of_probability(yes) == pytest.approx(BUDGET * (2 * yes - 1))


@pytest.mark.parametrize("threshold", [0, 1, math.nan])
def test_a_threshold_that_nothing_or_everything_passes_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        credits_of_probability(0.5, threshold)
