claude mcp add tiny-moa -- /path/to/tiny-moa/.venv/bin/tiny-moa serve --root /path/to/documents
