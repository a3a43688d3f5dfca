"""Order sync: every Sumeru order in the merchant's ERP and books. Begin at ``document.py``, then ``engine.py`` and ``targets/``.

An app of its own: one line of ``INSTALLED_APPS`` removes it, and nothing outside of this package names it.
"""
