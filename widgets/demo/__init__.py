"""The demo storefront and the processes around it. Nothing but the command ``demo`` and tests import it. Begin with
``running``.
"""
