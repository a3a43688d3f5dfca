"""Custom attribution: what each touch before an order earned, by several models and by the company's own weights.

An app that one line of settings removes; it knows nothing of other listeners. Begin with ``division`` (cents), ``journeys`` (what counts),
``rules`` and ``company`` (weights), ``markov`` and ``shapley`` (weights from data); these are pure. The rest stores and reports.
"""
