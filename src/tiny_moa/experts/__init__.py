"""The experts: one behaviour a module, and the checks they share."""
