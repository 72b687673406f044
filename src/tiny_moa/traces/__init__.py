"""What is kept of every run: a record in the user's data folder, shown as a tree in the terminal or as one HTML page."""

from tiny_moa.traces.page import page_of
from tiny_moa.traces.record import Record, record_of
from tiny_moa.traces.store import TraceStore, traces_folder
from tiny_moa.traces.tree import tree_of

__all__ = ["Record", "TraceStore", "page_of", "record_of", "traces_folder", "tree_of"]
