"""The Brain: chooses who answers (cues first, then a plan by the model) and joins what they wrote; asks no expert itself."""

from tiny_moa.brain.brain import BRAIN, Brain
from tiny_moa.brain.graph import Lanes, final_steps, stages, turns
from tiny_moa.brain.merge import disagreements, under_headings
from tiny_moa.brain.plan import Plan, PlannedAgent, is_grounded, plan_schema, route_by_plan
from tiny_moa.brain.route import MAX_STEPS, DecidedBy, Route, Step, route_by_cues, wants_verbatim

__all__ = [
    "BRAIN",
    "MAX_STEPS",
    "Brain",
    "DecidedBy",
    "Lanes",
    "Plan",
    "PlannedAgent",
    "Route",
    "Step",
    "disagreements",
    "final_steps",
    "is_grounded",
    "plan_schema",
    "route_by_cues",
    "route_by_plan",
    "stages",
    "turns",
    "under_headings",
    "wants_verbatim",
]
