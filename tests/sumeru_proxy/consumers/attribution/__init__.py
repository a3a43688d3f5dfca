"""The attribution app."""
