"""What we know about Sumeru: no widget, no HTML, no browser. Never imports ``widgets``. Begin with ``reading/reader``
for reads, ``outbox/jobs`` for writes, ``webhooks/views`` for events; ``accounts`` opens the client that all of them
use.
"""
