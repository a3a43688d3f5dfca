"""Measures that are printed, never asserted: ``python -m tests.bench NAME``."""
