"""The merchant's and the operator's pages in the Django admin. ``registrations`` wires them; nothing else imports
this room. Begin with ``shops``.
"""
