"""How each family of models sees tools, writes calls and thoughts, and fills in a middle; runs no model."""

from tiny_moa.models.families.family import FAMILIES, Family, FillIn
from tiny_moa.models.families.readers import ToolCall
from tiny_moa.models.families.thoughts import split_thoughts

__all__ = ["FAMILIES", "Family", "FillIn", "ToolCall", "split_thoughts"]
