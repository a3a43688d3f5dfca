"""From an HTTP request to its answer. ``requests`` validates, ``views`` and ``pages`` answer, ``submissions`` and
``events`` take what browsers send, ``rendering`` makes HTML and JSON from one context, ``jinja`` is the templates'
environment. Imported by ``edge/``, ``docs/``, ``admin/`` and ``urls``; of it the catalogue imports ``responses`` alone.
Begin with ``views``.
"""
