"""Theme tokens, merchant CSS and contrast. Pure; imported by models, admin and docs. Begin with ``tokens``."""
