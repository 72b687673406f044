"""The Brain: chooses who answers (a classifier, then the model in doubt) and joins what they wrote; asks no expert itself."""

from tiny_moa.brain.brain import Brain
from tiny_moa.brain.classifier import Classifier, Guess, load_classifier
from tiny_moa.brain.decompose import decompose, leave_language_to_last
from tiny_moa.brain.doubt import doubts, is_refuted
from tiny_moa.brain.graph import Lanes, final_steps, stages, turns
from tiny_moa.brain.merge import disagreements, under_headings
from tiny_moa.brain.parts import Part, split_request
from tiny_moa.brain.plan import Plan, PlannedAgent, is_grounded, plan_schema, route_by_plan
from tiny_moa.brain.route import BRAIN, MAX_STEPS, DecidedBy, Route, Step, route_by_cues, wants_verbatim
from tiny_moa.brain.router import Router, labels_of, router_of

__all__ = [
    "BRAIN",
    "MAX_STEPS",
    "Brain",
    "Classifier",
    "DecidedBy",
    "Guess",
    "Lanes",
    "Part",
    "Plan",
    "PlannedAgent",
    "Route",
    "Router",
    "Step",
    "decompose",
    "disagreements",
    "doubts",
    "final_steps",
    "is_grounded",
    "is_refuted",
    "labels_of",
    "leave_language_to_last",
    "load_classifier",
    "plan_schema",
    "route_by_cues",
    "route_by_plan",
    "router_of",
    "split_request",
    "stages",
    "turns",
    "under_headings",
    "wants_verbatim",
]
