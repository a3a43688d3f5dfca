"""Events from Sumeru: verified, stored and acknowledged in one transaction; their consequences are jobs.
``listeners`` is the contract of the consumers. Begin with ``views``.
"""
