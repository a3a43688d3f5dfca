"""The site, and what a browser sees. Imports ``sumeru_proxy``, never the reverse. Begin with ``urls``, then
``http/views``; a widget is one file in ``catalog/`` on the contract in ``base``. ``wsgi`` is the composition root:
finished answers, static files, Django.
"""
