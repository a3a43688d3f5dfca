"""What the docs show of the cookbook: whole programs, each run by a test."""
