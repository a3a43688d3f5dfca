"""Order sync's pages in the admin: orders and what was sent, the calendar of the daily proof, the targets and their rehearsals.

Only ``consumer.py`` imports ``pages.py`` from here; begin reading there. Each page is a tab of the shop, and what a person opens on it
(an order, a day, a rehearsal) is named in the query.
"""
