"""The only code that talks to Sumeru or sees a credential. Imports neither Django nor the rest of the house. ``api``
is its face, ``session`` the only importer of requests, ``limiter``, ``retrying`` and ``breaker`` pure rules. Begin
with ``api``.
"""
