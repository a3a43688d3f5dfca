"""Reading Sumeru through stored copies: ``reader`` decides, ``fetching`` asks, ``leases`` keep it to one process a
key, ``copies`` and ``stamps`` say what may be served, ``freshness`` spends the budget; ``reviews``, ``feed`` and
``products`` make pages of few reads. Begin with ``reader``.
"""
