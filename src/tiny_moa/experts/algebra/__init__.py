"""Closed forms: questions whose whole wording is mathematics, read without a model and answered exactly."""
