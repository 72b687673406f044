"""The Tool caller: reads the tools on offer, chooses among them, fills their arguments, and checks what it filled in."""

from tiny_moa.experts.toolcall.expert import ToolCallExpert
from tiny_moa.experts.toolcall.offers import read_tools

__all__ = ["ToolCallExpert", "read_tools"]
