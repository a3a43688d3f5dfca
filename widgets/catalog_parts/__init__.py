"""Pieces that widgets share: pagers and the review form. Imported by ``catalog/`` alone."""
