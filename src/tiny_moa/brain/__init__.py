"""The Brain: chooses who answers (cues first, then a plan by the model) and joins what they wrote; asks no expert itself."""

from tiny_moa.brain.brain import Brain
from tiny_moa.brain.decompose import decompose, leave_language_to_last
from tiny_moa.brain.graph import Lanes, final_steps, stages, turns
from tiny_moa.brain.merge import disagreements, under_headings
from tiny_moa.brain.parts import Part, split_request
from tiny_moa.brain.plan import Plan, PlannedAgent, is_grounded, plan_schema, route_by_plan
from tiny_moa.brain.route import BRAIN, MAX_STEPS, DecidedBy, Route, Step, route_by_cues, wants_verbatim

__all__ = [
    "BRAIN",
    "MAX_STEPS",
    "Brain",
    "DecidedBy",
    "Lanes",
    "Part",
    "Plan",
    "PlannedAgent",
    "Route",
    "Step",
    "decompose",
    "disagreements",
    "final_steps",
    "is_grounded",
    "leave_language_to_last",
    "plan_schema",
    "route_by_cues",
    "route_by_plan",
    "split_request",
    "stages",
    "turns",
    "under_headings",
    "wants_verbatim",
]
