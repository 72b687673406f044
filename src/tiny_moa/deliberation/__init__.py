"""N-way deliberation: proposals, anonymous ballots, and what a meeting of small models may conclude from them."""
