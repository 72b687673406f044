"""What was measured of models, kept on disk: how good each is as an author and as a judge, by kind of task; measures nothing.

A record holds for one weights file and one wording of the templates: another quantisation, or other words, and it is not found.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from importlib import resources
from itertools import combinations
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tiny_moa.deliberation.electorate import Standing
from tiny_moa.deliberation.voters import Chances, GeneratorRecord, VoterRecord, correlation, judged
from tiny_moa.errors import DeliberationError

logger = logging.getLogger(__name__)

FILE = "calibration.json"
LEAST_SHARED = 40
"""Verdicts on the same answers that two judges must have given before their errors are compared: ten tasks."""
_FORM = 1
"""The form of the file; another one is not read."""

Pairs = tuple[tuple[float, float] | None, ...]
"""What a judge gave a right and a wrong answer, for each order; `None` for what could not be read."""


@dataclass(frozen=True)
class Measured:
    """One model in one kind of task.

    Attributes:
        generator: As an author.
        voter: As a judge.
        read_rate: Prompt tokens read in a second, 0 when unknown.
        write_rate: Tokens written in a second, 0 when unknown.
        outcomes: Whether its answer was right, by the task's name; two models are as different as these are.
        chances: The probability of yes it gave a right and a wrong answer when it was asked whether each is right, by task.
        verdicts: What it gave the right and the wrong answer of a task, by the task's name, a pair for each order in which they
            were shown; `None` for a ballot that could not be read. Two judges err as much alike as these do.
    """

    generator: GeneratorRecord = field(default_factory=GeneratorRecord)
    voter: VoterRecord = field(default_factory=VoterRecord)
    read_rate: float = 0.0
    write_rate: float = 0.0
    outcomes: Mapping[str, bool] = field(default_factory=lambda: MappingProxyType({}))
    verdicts: Mapping[str, Pairs] = field(default_factory=lambda: MappingProxyType({}))
    chances: Mapping[str, Chances] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def judge(self) -> VoterRecord:
        """As a judge that is asked for verdicts."""
        return judged([*self.chances.values()])[0]

    @property
    def refusal(self) -> str:
        """Why it may vote in no way, empty when it may in one."""
        if not (self.voter.refusal and self.judge.refusal):
            return ""
        return self.voter.refusal + (f"; asked for verdicts, {self.judge.refusal}" if self.chances else "")


@dataclass(frozen=True)
class Calibration:
    """All that was measured, by key."""

    records: Mapping[str, Measured] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, model: str, digest: str, templates: str, kind: str) -> Measured:
        """Give what is known of a model; a record of nothing when it was not measured."""
        return self.records.get(key(model, digest, templates, kind), Measured())

    def having(self, key_: str, measured: Measured) -> Calibration:
        """Give the same with one record put in."""
        return Calibration(MappingProxyType({**self.records, key_: measured}))


def key(model: str, digest: str, templates: str, kind: str) -> str:
    """Give the key of a record: the model by name and file digest, the templates by digest, the kind of task."""
    return f"{model}@{digest[:16]}+{templates}/{kind}"


def standing_of(measured: Mapping[str, Measured]) -> Standing:
    """Say what a meeting should know of its models: who may vote, how much, and how good the authors are.

    A model of which nothing was measured neither votes nor counts as good or bad.
    """
    weights = {model: record.voter.weight for model, record in measured.items() if record.voter.weight > 0}
    odds = {model: record.generator.weight for model, record in measured.items() if record.generator.tasks}
    known = [record.generator.accuracy for record in measured.values() if record.generator.tasks]
    judges = [measured[model].voter.balanced_accuracy for model in weights]
    p_right, accuracy = max(known, default=0.5), sum(judges) / len(judges) if judges else 0.5
    by_verdict = _by_verdict(measured, Standing({}, odds, p_right))
    return Standing(weights, odds, p_right, accuracy, correlations_of(measured), by_verdict=by_verdict)


def _by_verdict(measured: Mapping[str, Measured], standing: Standing) -> Standing | None:
    """What holds when voters are asked for verdicts; their correlations were not measured, so their families stand for them."""
    found = {model: judged([*record.chances.values()]) for model, record in measured.items() if record.chances}
    admitted = {model: record for model, (record, _) in found.items() if record.weight > 0}
    if not admitted:
        return None
    accuracy = sum(record.balanced_accuracy for record in admitted.values()) / len(admitted)
    weights = {model: record.weight for model, record in admitted.items()}
    return replace(
        standing, weights=weights, balanced_accuracy=accuracy, thresholds={model: found[model][1] for model in admitted}
    )


def correlations_of(measured: Mapping[str, Measured]) -> dict[frozenset[str], float]:
    """For two models that judged the same answers often enough: how much their errors go together."""
    found: dict[frozenset[str], float] = {}
    for one, other in combinations(measured, 2):
        mine, theirs = errors_of(measured[one]), errors_of(measured[other])
        shared = sorted(mine.keys() & theirs.keys())
        if len(shared) >= LEAST_SHARED:
            value = correlation([mine[each] for each in shared], [theirs[each] for each in shared])
            if value is not None:
                found[frozenset((one, other))] = value
    return found


def errors_of(measured: Measured) -> dict[tuple[str, int, bool], bool]:
    """Say of every verdict that could be read whether it was wrong: by task, by order, by whether it was on the right answer."""
    found = {}
    for task, pairs in measured.verdicts.items():
        for order, pair in enumerate(pairs):
            if pair is not None:
                found[task, order, True] = pair[0] <= 0
                found[task, order, False] = pair[1] >= 0
    return found


def diversity_of(measured: Mapping[str, Measured]) -> dict[frozenset[str], float]:
    """For two models that were given the same tasks: the share of those the better one got wrong that the other got right.

    A model that is always wrong differs from all others, and adds nothing to any of them.
    """
    found: dict[frozenset[str], float] = {}
    for one, other in combinations(measured, 2):
        mine, theirs = measured[one].outcomes, measured[other].outcomes
        shared = mine.keys() & theirs.keys()
        if sum(mine[task] for task in shared) < sum(theirs[task] for task in shared):
            mine, theirs = theirs, mine
        missed = [task for task in shared if not mine[task]]
        if shared:
            found[frozenset((one, other))] = sum(theirs[task] for task in missed) / len(missed) if missed else 0.0
    return found


def refusals(measured: Mapping[str, Measured]) -> dict[str, str]:
    """Say of each model that may not vote why it may not."""
    return {model: why for model, record in measured.items() if (why := record.refusal)}


# -- files ------------------------------------------------------------------------------------------------------------


def load_calibration(folder: Path) -> Calibration:
    """Read what comes with the product, and over it what was measured here; a broken file of the user's counts as none."""
    shipped = _read((resources.files("tiny_moa.deliberation") / FILE).read_text("utf-8"))
    path = folder / FILE
    try:
        mine = _read(path.read_text("utf-8"))
    except FileNotFoundError:
        return shipped
    except (OSError, ValueError, TypeError, KeyError) as exc:
        logger.warning("the calibration %s cannot be read: %s; measure again with `tiny-moa calibrate`", path, exc)
        return shipped
    return Calibration(MappingProxyType({**shipped.records, **mine.records}))


def save_calibration(folder: Path, calibration: Calibration) -> Path:
    """Write everything, at once or not at all.

    Raises:
        DeliberationError: It cannot be written.
    """
    path = folder / FILE
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, suffix=".new")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(write_records(calibration))
            Path(name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as exc:
        raise DeliberationError(f"cannot write the calibration {str(path)!r}: {exc.strerror}; check the folder") from exc
    return path


def write_records(calibration: Calibration) -> str:
    """Write records as JSON, sorted, so that the same ones give the same text."""
    records = {name: _fields(measured) for name, measured in sorted(calibration.records.items())}
    return json.dumps({"form": _FORM, "records": records}, indent=1, sort_keys=True) + "\n"


def _fields(measured: Measured) -> dict[str, Any]:
    return {
        "generator": asdict(measured.generator),
        "voter": asdict(measured.voter),
        "read_rate": round(measured.read_rate, 1),
        "write_rate": round(measured.write_rate, 1),
        "outcomes": dict(sorted(measured.outcomes.items())),
        **({"verdicts": dict(sorted(measured.verdicts.items()))} if measured.verdicts else {}),
        **({"chances": dict(sorted(measured.chances.items()))} if measured.chances else {}),
    }


def _read(text: str) -> Calibration:
    said = json.loads(text)
    if said["form"] != _FORM:
        raise ValueError(f"form {said['form']!r}, and form {_FORM} is read")
    return Calibration(MappingProxyType({name: _measured(fields) for name, fields in said["records"].items()}))


def _measured(fields: Mapping[str, Any]) -> Measured:
    return Measured(
        GeneratorRecord(**fields["generator"]),
        VoterRecord(**fields["voter"]),
        float(fields["read_rate"]),
        float(fields["write_rate"]),
        MappingProxyType({str(task): bool(right) for task, right in fields["outcomes"].items()}),
        MappingProxyType({str(task): _pairs(given) for task, given in fields.get("verdicts", {}).items()}),
        MappingProxyType({str(task): (float(a), float(b)) for task, (a, b) in fields.get("chances", {}).items()}),
    )


def _pairs(given: Sequence[Any]) -> Pairs:
    return tuple(None if pair is None else (float(pair[0]), float(pair[1])) for pair in given)
