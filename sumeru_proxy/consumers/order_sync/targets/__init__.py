"""Where orders are written: one module per target, all behind ``interface.py``. Adding one is one file."""
