"""One file per widget, found by ``registry``. A widget imports ``base``, ``catalog_parts/``, ``i18n/`` and the
proxy's ``reading/``; never another widget, a view or a model. Begin with ``bundles``, a short one.
"""
