"""Storefront pages of every kind against the real widget server, with everything that goes between them written down."""
