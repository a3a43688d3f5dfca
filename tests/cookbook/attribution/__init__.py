"""The attribution recipe as whole programs."""
