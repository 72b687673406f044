"""What was measured of models: kept, found again by file and words, and believed no further than it goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tiny_moa.deliberation.calibration import (
    FILE,
    Calibration,
    Measured,
    correlations_of,
    diversity_of,
    key,
    load_calibration,
    refusals,
    save_calibration,
    standing_of,
)
from tiny_moa.deliberation.voters import GeneratorRecord, VoterRecord
from tiny_moa.errors import DeliberationError

JUDGE = VoterRecord(70, 90, 65, 90, 80, 90, 180, 180)
GOOD = Measured(GeneratorRecord(20, 32), JUDGE, 40.0, 18.0, {"math-1": True, "math-2": False}, {"math-1": ((9.0, -9.0), None)})


def test_what_was_saved_is_found_for_the_same_file_and_words_only(tmp_path: Path) -> None:
    save_calibration(tmp_path, Calibration().having(key("m", "abc", "t1", "math"), GOOD))
    found = load_calibration(tmp_path)
    assert found.of("m", "abc", "t1", "math") == GOOD
    for other in (("m", "xyz", "t1", "math"), ("m", "abc", "t2", "math"), ("m", "abc", "t1", "code"), ("n", "abc", "t1", "math")):
        assert found.of(*other) == Measured()
    assert list(tmp_path.iterdir()) == [tmp_path / FILE]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"form": 9, "records": {}}', '{"form": 1, "records": {"a": {}}}'])
def test_a_broken_file_counts_as_none_and_is_said(tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / FILE).write_text(text, "utf-8")
    assert load_calibration(tmp_path).of("m", "abc", "t1", "math") == Measured()
    assert "tiny-moa calibrate" in caplog.text


def test_a_folder_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(DeliberationError, match="cannot write the calibration"):
        save_calibration(tmp_path / "file", Calibration())


def test_only_measured_judges_vote_and_only_measured_authors_count() -> None:
    always_yes = Measured(GeneratorRecord(1, 32), VoterRecord(90, 90, 0, 90, 90, 90, 180, 180))
    standing = standing_of({"good": GOOD, "yes": always_yes, "new": Measured()})
    assert set(standing.weights) == {"good"}
    assert set(standing.author_weights) == {"good", "yes"}
    assert standing.balanced_accuracy == JUDGE.balanced_accuracy
    assert standing.p_right == GOOD.generator.accuracy
    assert set(refusals({"good": GOOD, "yes": always_yes, "new": Measured()})) == {"yes", "new"}


def test_of_nothing_nothing_follows() -> None:
    standing = standing_of({"new": Measured()})
    assert (dict(standing.weights), standing.balanced_accuracy, standing.p_right) == ({}, 0.5, 0.5)


def test_models_differ_by_what_the_weaker_one_gets_right_that_the_better_one_does_not() -> None:
    one = Measured(outcomes={"a": True, "b": False, "c": False, "d": True})
    other = Measured(outcomes={"a": False, "b": True, "c": False, "e": True})
    assert diversity_of({"one": one, "other": other}) == {frozenset(("one", "other")): pytest.approx(1 / 2)}
    assert diversity_of({"one": one, "new": Measured()}) == {}


def test_a_model_that_is_always_wrong_adds_nothing() -> None:
    good = Measured(outcomes={f"t{n}": n % 2 == 0 for n in range(10)})
    never, always = (Measured(outcomes=dict.fromkeys(good.outcomes, is_right)) for is_right in (False, True))
    found = diversity_of({"good": good, "never": never, "always": always})
    assert set(found.values()) == {0.0}


def test_the_errors_of_two_judges_go_together_as_they_were_measured() -> None:
    right, wrong = ((9.0, -9.0), (9.0, -9.0)), ((9.0, 9.0), (-9.0, -9.0))
    one = Measured(verdicts={f"t{n}": wrong if n % 3 == 0 else right for n in range(12)})
    other = Measured(verdicts={f"t{n}": wrong if n % 2 == 0 else right for n in range(12)})
    found = correlations_of({"one": one, "same": one, "other": other, "new": Measured()})
    assert found[frozenset(("one", "same"))] == pytest.approx(1)
    assert 0 < found[frozenset(("one", "other"))] < 1
    assert not any("new" in pair for pair in found)
    few = Measured(verdicts=dict(list(one.verdicts.items())[:3]))
    assert correlations_of({"one": one, "few": few}) == {}
    always_yes = Measured(verdicts={f"t{n}": (None, (9.0, 9.0)) for n in range(30)})
    assert frozenset(("one", "yes")) not in correlations_of({"one": one, "yes": always_yes})


def test_of_a_judge_that_never_errs_nothing_can_be_said() -> None:
    right = Measured(verdicts={f"t{n}": ((9.0, -9.0), (9.0, -9.0)) for n in range(12)})
    assert correlations_of({"one": right, "other": right}) == {}


def test_who_knows_by_verdict_alone_votes_by_verdict() -> None:
    yes_sayer = VoterRecord(90, 90, 0, 90, 90, 90, 180, 180)
    judge = Measured(GeneratorRecord(9, 24), yes_sayer, chances={f"t{n}": (0.9 + n / 1000, 0.8 + n / 1000) for n in range(24)})
    standing, is_by_verdict = standing_of({"judge": judge, "new": Measured()}).asked(None)
    assert is_by_verdict
    assert set(standing.weights) == set(standing.thresholds) == {"judge"}
    assert 0.82 < standing.thresholds["judge"] < 0.91
    assert standing.balanced_accuracy == 1
    assert set(refusals({"judge": judge, "new": Measured()})) == {"new"}
    by_ballot, is_by_verdict = standing_of({"good": GOOD}).asked(None)
    assert (set(by_ballot.weights), is_by_verdict) == ({"good"}, False)


def test_what_was_said_of_verdicts_is_kept(tmp_path: Path) -> None:
    record = Measured(GOOD.generator, GOOD.voter, outcomes=GOOD.outcomes, chances={"math-1": (0.75, 0.5)})
    save_calibration(tmp_path, Calibration().having("k", record))
    assert load_calibration(tmp_path).records["k"] == record
    assert "never measured" in Measured().refusal
    assert "asked for verdicts" in record.refusal or not record.voter.refusal
