"""Chooses who answers without a model, step by step: sights that settle it, a user's cues, then the classifier; pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tiny_moa.brain.classifier import Classifier, Guess
from tiny_moa.brain.decompose import decompose, plain_part
from tiny_moa.brain.route import BRAIN, DecidedBy, Route, Step, route_by_cues
from tiny_moa.brain.signals import certain
from tiny_moa.catalog import ExpertSpec, load_catalog

_LONGEST_FORM = 300
"""Characters of a question that may be one closed form."""
DIRECT = "DIRECT"
"""The label of a question that no expert is needed for."""

_LEAST_HEIR = 0.05
"""A guess that is less probable names no heir; the Brain answers then."""
_MOST_HEIRS = 2
_BEYOND_DOUBT = 0.9
"""A route of a whole request that is less probable gives way to parts that are each clear."""
_CLEAR = 0.8
"""From which probability on a part is clear; this and the bound above were chosen by looking at cross-validated chains."""


@dataclass(frozen=True)
class Router:
    """What there is to choose among, and by what.

    Attributes:
        experts: The experts by label.
        classifier: The weights; `None` leaves the catalogue's cues alone, and routes that the Brain plans.
        own: Experts with those of their cues that came with a user's catalogue and that no weights know of.
    """

    experts: Mapping[str, ExpertSpec]
    classifier: Classifier | None
    own: tuple[ExpertSpec, ...]

    def choose(self, words: str) -> Route | None:
        """Choose when it is clear; `None` when it is not."""
        if self.classifier is None:
            return route_by_cues(words, self.experts.values())
        return self._chosen(words, self.classifier, self.classifier.head.sure_from)

    def choose_part(self, words: str) -> Route | None:
        """Choose for one part of a request: likelier than not is enough, because the whole is chosen for as well."""
        return (
            route_by_cues(words, self.experts.values()) if self.classifier is None else self._chosen(words, self.classifier, 0.5)
        )

    def _chosen(self, words: str, classifier: Classifier, least: float) -> Route | None:
        if (route := self._settled(words)) is not None:
            return route
        best = classifier.guesses(words, among=self.experts)[0]
        return self.route_of(words, best, "classifier") if best.probability >= least else None

    def choose_parts(self, words: str) -> Route | None:
        """Choose for each part of a request of several; `None` when it is one, or not clear enough to be parted."""
        reader = next((spec for spec in self.experts.values() if spec.kind == "documents"), None)
        return decompose(words, lambda part: plain_part(part, reader) or self.choose_part(part))

    def alone(self, words: str) -> Route | None:
        """Choose as well as can be without asking a model: what is clear, else the likeliest; `None` without a classifier."""
        if self.classifier is None:
            return None
        whole = self.choose(words) or self.route_of(words, self.guesses(words)[0], "classifier")
        return agreed(whole, self.choose_parts(words))

    def guesses(self, words: str) -> tuple[Guess, ...]:
        """Give the classifier's routes, the likeliest first; none without a classifier."""
        return self.classifier.guesses(words, among=self.experts) if self.classifier else ()

    def route_of(self, words: str, guess: Guess, decided_by: DecidedBy, reason: str = "") -> Route:
        """Turn a guess into a route: every step gets the words, in the order of the labels."""
        names = [self.experts[label].name for label in guess.labels if label != DIRECT]
        steps = tuple(Step(name, words, number) for number, name in enumerate(names, start=1))
        reason = reason or f"{' then '.join(guess.labels)}, probability {guess.probability:.2f}"
        return Route(steps, decided_by, reason, confidence=round(guess.probability, 4))

    def heirs(self, words: str, expert: str) -> tuple[str, ...]:
        """Who takes over from an expert, the likeliest first: whom the classifier's other guesses name, `BRAIN` among them."""
        firsts = [guess.labels[0] for guess in self.guesses(words) if guess.probability >= _LEAST_HEIR]
        names = [BRAIN if label == DIRECT else self.experts[label].name for label in firsts]
        return tuple(dict.fromkeys(name for name in names if name != expert))[:_MOST_HEIRS]

    def _settled(self, words: str) -> Route | None:
        """What a user's cue or a certain sight says; a user's cue wins."""
        if (route := route_by_cues(words, self.own)) is not None:
            return route
        found = certain(words) or self._closed_form(words)
        if found is None or not all(label in self.experts for label in found[0]):
            return None
        return self.route_of(words, Guess(found[0], 1.0), "signals", f"{' then '.join(found[0])}: {found[1]}")

    def _closed_form(self, words: str) -> tuple[tuple[str, ...], str] | None:
        """A question that mathematics answers exactly belongs to who does; no training prompt of another field is one."""
        if len(words) > _LONGEST_FORM:
            return None
        from tiny_moa.experts.algebra.reader import read_question

        solver = next((label for label, spec in self.experts.items() if spec.kind == "math"), None)
        return ((solver,), "a closed form") if solver and read_question(words) else None


def router_of(experts: Collection[ExpertSpec], classifier: Classifier | None) -> Router:
    """Build a router: cues the built-in catalogue does not have are the user's own."""
    built_in = load_catalog().experts
    own = []
    for spec in experts:
        is_known = classifier is not None and spec.label in classifier.head.labels
        old = built_in[spec.name].cues if is_known and spec.name in built_in else ()
        if cues := tuple(cue for cue in spec.cues if cue not in old):
            own.append(spec.model_copy(update={"cues": cues}))
    return Router({spec.label: spec for spec in experts}, classifier, tuple(own))


def agreed(whole: Route | None, parts: Route | None) -> Route | None:
    """Settle between the route of a whole request and that of its parts.

    The parts say better what each expert is asked, so they win when they ask the same experts. They also win when they are three
    or more and hold the experts of the whole, and over a whole that is not `_BEYOND_DOUBT` when they are three or more, or ask
    several experts and each of them is clear. The whole wins otherwise: it sees what a part alone does not say.
    """
    if whole is None or parts is None:
        return whole or parts
    asked, split = _experts(whole), _experts(parts)
    is_doubtful = whole.confidence is not None and whole.confidence < _BEYOND_DOUBT
    is_clear = len(split) > 1 and parts.confidence is not None and parts.confidence >= _CLEAR
    is_long = len({step.prompt for step in parts.steps}) > 2
    is_better = (is_long and (is_doubtful or set(asked) <= set(split))) or (is_doubtful and is_clear)
    return parts if asked == split or is_better else whole


def _experts(route: Route) -> tuple[str, ...]:
    return tuple(dict.fromkeys(step.expert for step in route.steps if step.expert != BRAIN))


def labels_of(route: Route) -> tuple[str, ...]:
    """Give a route's labels in the order of work, each once; `DIRECT` alone when no expert is asked."""
    ordered = sorted(route.steps, key=lambda step: step.priority)
    return tuple(dict.fromkeys(step.expert.upper() for step in ordered if step.expert != BRAIN)) or (DIRECT,)
