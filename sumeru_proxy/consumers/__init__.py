"""One app per listener to Sumeru's events, each removable with one line of settings. The core imports none of them,
and none another. Begin with ``webhooks/listeners``.
"""
