"""Listeners to Sumeru's events, each with its own app."""
