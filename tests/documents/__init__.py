"""Makes the documents that the tests read."""
