"""Train the router's classifier on `training/routing/` and write `src/tiny_moa/brain/router.bin`.

    uv run --extra local --group train python training/train_router.py            # cross-validate, train, write
    uv run --extra local --group train python training/train_router.py --check    # only cross-validate, write nothing

Four sets of linear units over the features of a question: which label comes first, which labels are in the route, whether there
are two, and which comes second. Five numbers that mix them, and with them the temperature, are fitted to what held-out folds got.
Folds keep near-copies together. The same data gives the same file.

What cross-validation measures: each prompt is routed by `Router.alone`, the product's own steps (signals, classifier,
decomposition, fallback), with weights packed as they are shipped and trained on the other folds. Right is the whole list of
labels in order, or another that the prompt's heading accepts because a person could not tell either. The mix alone has seen the
answers of all folds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from tiny_moa.brain import labels_of, router_of
from tiny_moa.brain.classifier import read_classifier
from tiny_moa.brain.features import FEATURE_VERSION, keys_of
from tiny_moa.brain.signals import language_of
from tiny_moa.catalog import load_catalog

FOLDER = Path(__file__).parent / "routing"
WEIGHTS = Path(__file__).parents[1] / "src" / "tiny_moa" / "brain" / "router.bin"
LABELS = ("DIRECT", "CODER", "REASONER", "TOOL_CALLER", "MULTILINGUAL", "OCR", "AUDIO", "LINUX")
FOLDS, SEED, STRENGTH, MARGIN, LEAST_COUNT, FINEST = 5, 7, 10.0, 0.1, 3, 56
SHARPNESS = 4.0
"""Scales what support vectors say, so that a softmax of it is a probability before it is mixed."""
SURE_PRECISION = 0.97
"""A route is sure from the probability on at which this share of the held-out ones above it was right."""
Labels = tuple[str, ...]
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Item:
    """A prompt, its route, and what else is right: every route of its heading."""

    text: str
    route: Labels
    accepted: tuple[Labels, ...]


def read_data(folder: Path = FOLDER) -> list[Item]:
    """Read the prompts: files of lines, with a heading before those of one kind.

    A heading is `# LABEL LABEL`, in the order of work, or several routes with `|` between them; the first is learned.
    """
    items: list[Item] = []
    for file in sorted(folder.glob("*.txt")):
        accepted: tuple[Labels, ...] = ()
        for line in file.read_text("utf-8").splitlines():
            if line.startswith("# ") and set(line[2:].replace("|", " ").split()) <= set(LABELS):
                accepted = tuple(tuple(route.split()) for route in line[2:].split("|"))
            elif line.strip():
                items.append(Item(line.strip(), accepted[0], accepted))
    return items


def digest_of(folder: Path = FOLDER) -> str:
    """Give the SHA-256 of the training files, names and contents."""
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.txt")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def groups_of(texts: Sequence[str]) -> Array:
    """Number the prompts so that near-copies (half of their runs of four letters shared) have one number."""
    grams = [frozenset(g[i : i + 4] for i in range(max(len(g) - 3, 1))) for g in (re.sub(r"\W+", " ", t.lower()) for t in texts)]
    holders: dict[str, list[int]] = {}
    group = list(range(len(texts)))

    def root(n: int) -> int:
        while group[n] != n:
            n = group[n]
        return n

    for n, mine in enumerate(grams):
        shared: dict[int, int] = {}
        for gram in mine:
            for other in holders.setdefault(gram, []):
                shared[other] = shared.get(other, 0) + 1
            holders[gram].append(n)
        for other, count in shared.items():
            if count * 2 >= len(mine | grams[other]):
                group[root(n)] = root(other)
    return np.array([root(n) for n in range(len(texts))])


@dataclass(frozen=True)
class Counts:
    """Which features the prompts have: a row for each prompt, a column for each key, and how many features each prompt has."""

    matrix: sparse.csr_matrix
    keys: Array

    def rows(self, chosen: Array) -> Counts:
        """Give some of the prompts."""
        return Counts(self.matrix[chosen], self.keys)

    def weighed(self, value: Array) -> sparse.csr_matrix:
        """Scale the columns, and the rows by how many features each has."""
        norms = 1 / np.sqrt(np.maximum(np.asarray(self.matrix.sum(1)).ravel(), 1))
        return (sparse.diags(norms) @ self.matrix @ sparse.diags(value)).tocsr()


def features(texts: Sequence[str]) -> Counts:
    """Count the features of prompts."""
    rows = [keys_of(text) for text in texts]
    keys, columns = np.unique(np.concatenate([np.array(row, np.uint32) for row in rows]), return_inverse=True)
    ends = np.cumsum([0, *map(len, rows)])
    return Counts(sparse.csr_matrix((np.ones(ends[-1]), columns, ends), shape=(len(texts), len(keys))), keys)


class Model:
    """The weights of one training run."""

    def __init__(self, counts: Counts, routes: Sequence[Labels]) -> None:
        """Train on prompts' features."""
        self.keys, n = counts.keys, len(LABELS)
        seen = np.asarray(counts.matrix.sum(0)).ravel()
        value = (np.log((len(routes) + 1) / (seen + 1)) + 1) * (seen >= LEAST_COUNT)
        self.used = np.flatnonzero(value)
        inputs = counts.weighed(value)[:, self.used]
        self.weights, self.bias = np.zeros((3 * n + 1, len(self.used))), np.full(3 * n + 1, -9.0)
        self._learn(inputs, [LABELS.index(route[0]) for route in routes], range(n))
        for number, label in enumerate(LABELS):
            self._learn(inputs, [label in route for route in routes], [n + number])
        chains = np.array([len(route) > 1 for route in routes])
        self._learn(inputs[chains], [LABELS.index(route[1]) for route in routes if len(route) > 1], range(2 * n, 3 * n))
        self._learn(inputs, chains, [3 * n])
        self.weights *= value[self.used]

    def _learn(self, inputs: sparse.csr_matrix, targets: Sequence[Any] | Array, columns: Sequence[int]) -> None:
        """Fit one set of units: support vectors of several columns, each against the rest, or a logistic unit of one."""
        if len(columns) > 1:
            model = LinearSVC(C=MARGIN, random_state=SEED).fit(inputs, np.array(targets))
            places, scale = [columns[int(c)] for c in model.classes_], SHARPNESS
        else:
            model = LogisticRegression(C=STRENGTH, solver="liblinear", random_state=SEED).fit(inputs, np.array(targets))
            places, scale = list(columns), 1.0
        self.weights[places], self.bias[places] = scale * model.coef_, scale * model.intercept_

    def columns(self, counts: Counts) -> Array:
        """Give the units' values for prompts."""
        found: Array = counts.weighed(np.ones(len(self.keys)))[:, self.used] @ self.weights.T + self.bias
        return found

    def packed(self, known: Sequence[Labels], mix: Sequence[float], threshold: float) -> bytes:
        """Give the file: a line of JSON, then the keys and the weights as small whole numbers, compressed."""
        scales = np.maximum(np.abs(self.weights).max(axis=1), 1e-9) / FINEST
        table = np.rint(self.weights / scales[:, None]).astype("i1").T
        telling = np.flatnonzero(np.abs(table).max(axis=1))
        head = {
            "feature_version": FEATURE_VERSION, "data_digest": digest_of(), "labels": LABELS, "routes": known,
            "features": len(telling), "bias": [round(float(x), 6) for x in self.bias],
            "scales": [float(f"{x:.6g}") for x in scales], "mix": list(mix), "sure_from": threshold,
        }  # fmt: skip
        body = self.keys[self.used][telling].astype("<u4").tobytes() + np.ascontiguousarray(table[telling]).tobytes()
        return json.dumps(head).encode() + b"\n" + zlib.compress(body, 9)


def log_softmax(scores: Array) -> Array:
    """Normalise rows of scores to logarithms of probabilities."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    normed: Array = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return normed


def terms(columns: Array, routes: Sequence[Labels]) -> Array:
    """Give what `classifier.score_routes` mixes, for many prompts: by prompt, route and term."""
    n = len(LABELS)
    first, second = log_softmax(columns[:, :n]), log_softmax(columns[:, 2 * n : 3 * n])
    is_in, is_out = -np.logaddexp(0, -columns[:, n : 2 * n]), -np.logaddexp(0, columns[:, n : 2 * n])
    found = np.zeros((len(columns), len(routes), 5))
    for number, route in enumerate(routes):
        places = [LABELS.index(label) for label in route]
        found[:, number, 0] = first[:, places[0]]
        found[:, number, 1] = is_out.sum(axis=1) + (is_in - is_out)[:, places].sum(axis=1)
        found[:, number, 2] = -np.logaddexp(0, columns[:, 3 * n] * (-1 if len(route) > 1 else 1))
        if len(route) > 1:
            found[:, number, 3:] = np.stack([second[:, places[1]], np.ones(len(columns))], axis=1)
    return found


def fit_mix(mixed: Array, gold: Array) -> list[float]:
    """Fit the mix to held-out prompts by their likelihood, which calibrates the probabilities too."""
    every = np.arange(len(gold))

    def loss(mix: Array) -> tuple[float, Array]:
        odds = log_softmax(mixed @ mix)
        slope = np.einsum("pr,prt->t", np.exp(odds), mixed) - mixed[every, gold].sum(axis=0)
        return -float(odds[every, gold].mean()), slope / len(gold)

    return [round(float(x), 4) for x in minimize(loss, np.array([0.5, 0.5, 0.5, 0.5, 0.0]), jac=True, method="L-BFGS-B").x]


def sure_from(probabilities: Array, is_right: Array) -> float:
    """Find the least probability from which on `SURE_PRECISION` of the held-out routes were right."""
    order = np.argsort(-probabilities)
    share = np.cumsum(is_right[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero(share >= SURE_PRECISION)
    return round(float(probabilities[order][good[-1]]), 3) if len(good) else 1.0


def routed(content: bytes, texts: Sequence[str]) -> Iterator[Labels]:
    """Route prompts as the product does, by packed weights."""
    router = router_of(tuple(load_catalog().experts.values()), read_classifier(content))
    for text in texts:
        route = router.alone(text)
        assert route is not None
        yield labels_of(route)


def shares(items: Sequence[Item], is_right: Array) -> str:
    """Say how many were right: of all, of one label, of two, and by language."""
    kinds: dict[str, list[bool]] = {}
    for item, right in zip(items, is_right, strict=True):
        language = language_of(item.text)
        for kind in ("single" if len(item.route) == 1 else "chains", language if language in ("en", "ko") else "others"):
            kinds.setdefault(kind, []).append(bool(right))
    return f"{is_right.mean():.1%} right ({', '.join(f'{kind} {np.mean(ok):.1%} of {len(ok)}' for kind, ok in kinds.items())})"


@dataclass(frozen=True)
class HeldOut:
    """What models said to the prompts of the folds that they had not seen.

    Attributes:
        folds: The fold of each prompt.
        models: One for each fold, trained on the others.
        mix: Fitted to all of their answers.
        odds: The logarithm of each route's probability, by prompt.
    """

    folds: Array
    models: tuple[Model, ...]
    mix: list[float]
    odds: Array


def cross_trained(items: Sequence[Item], counts: Counts, known: Sequence[Labels]) -> HeldOut:
    """Train on all folds but one, for each, and fit the mix."""
    groups = groups_of([item.text for item in items])
    folds = np.random.default_rng(SEED).permutation(groups.max() + 1)[groups] % FOLDS
    print(f"{len(items)} prompts, {len(set(groups))} groups of near-copies, {len(known)} routes, {FOLDS} folds")
    models, columns = [], np.zeros((len(items), 3 * len(LABELS) + 1))
    for fold in range(FOLDS):
        models.append(Model(counts.rows(folds != fold), [i.route for i, f in zip(items, folds, strict=True) if f != fold]))
        columns[folds == fold] = models[-1].columns(counts.rows(folds == fold))
    mixed = terms(columns, known)
    mix = fit_mix(mixed, np.array([known.index(item.route) for item in items]))
    return HeldOut(folds, tuple(models), mix, log_softmax(mixed @ np.array(mix)))


def whole_routes(items: Sequence[Item], held_out: HeldOut, known: Sequence[Labels], threshold: float) -> list[Labels]:
    """Route every prompt as the product does, by the weights that have not seen it."""
    found: list[Labels] = [()] * len(items)
    for fold, model in enumerate(held_out.models):
        mine = np.flatnonzero(held_out.folds == fold)
        texts = [items[at].text for at in mine]
        for at, labels in zip(mine, routed(model.packed(known, held_out.mix, threshold), texts), strict=True):
            found[at] = labels
    return found


def main() -> None:
    """Cross-validate, then train on everything and write the weights."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only cross-validate")
    parser.add_argument("--wrong", type=Path, help="write the held-out prompts that were routed wrong to this file")
    given = parser.parse_args()
    began = time.process_time()
    items = read_data()
    known, counts = sorted({item.route for item in items}), features([item.text for item in items])
    held_out = cross_trained(items, counts, known)
    best = held_out.odds.argmax(1)
    guessed = np.array([known[at] in item.accepted for at, item in zip(best, items, strict=True)])
    threshold = sure_from(np.exp(held_out.odds.max(1)), guessed)
    print(f"the classifier on whole prompts, held out: {shares(items, guessed)}")
    found = whole_routes(items, held_out, known, threshold)
    is_right = np.array([labels in item.accepted for labels, item in zip(found, items, strict=True)])
    print(f"the whole route (signals, classifier, decomposition, fallback), held out: {shares(items, is_right)}")
    sure = np.exp(held_out.odds.max(1)) >= threshold
    print(f"sure from {threshold}: {sure.mean():.0%} of the prompts, of them {guessed[sure].mean():.1%} right")
    if given.wrong:
        wrong = [(item, labels) for item, labels, ok in zip(items, found, is_right, strict=True) if not ok]
        given.wrong.write_text("".join(sorted(f"{' '.join(i.route)} -> {' '.join(r)} | {i.text}\n" for i, r in wrong)), "utf-8")
    if not given.check:
        routes = [item.route for item in items]
        WEIGHTS.write_bytes(Model(counts, routes).packed(known, held_out.mix, threshold))
        print(f"wrote {WEIGHTS.name}: {WEIGHTS.stat().st_size:,} bytes")
    print(f"{time.process_time() - began:.0f} s of one core")


if __name__ == "__main__":
    main()
