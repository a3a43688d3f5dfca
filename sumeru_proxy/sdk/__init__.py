"""The Python SDK: what the wheel ``sumeru_client`` holds besides ``client/``. No Django, no models.

``static/wheel/build.py`` makes the wheel of these sources; ``public.py`` becomes its ``__init__.py``. Of this project, only
``client/`` and ``webhooks/signature.py`` are imported here.
"""
