"""Tryton's own parts of the target: its REST door, its arithmetic, its forms, and how a test database is made."""
