"""The books' side of an order: what moved (``movements``), as double entries (``bookings``), tables, a journal and e-invoices.

All pure but ``day_folders``, which puts a day's files on the disk; ``targets/files.py`` uses them. Begin at ``movements.py``.
"""
