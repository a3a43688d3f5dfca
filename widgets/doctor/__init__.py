"""Why a page does not show its widgets: reads the page as a browser does, and judges it. Imported by the command
``doctor``, the docs and the demo (``plain_http``). Begin with ``asking``.
"""
