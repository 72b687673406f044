"""The parts of writing code that are no model: what a task states, what a source defines, what its tests say, which wins."""
