"""What must be delivered: rows (``jobs``), what becomes of one after a try (``rules``, pure), each kind of write
(``writes``), one try (``delivering``). Imported by webhooks, consumers, the worker and ``widgets/http``. Begin with
``jobs``.
"""
