"""Models: which are loaded, who may use them, and how one is run in a process of its own."""
