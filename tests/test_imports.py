"""Every module can be imported by itself, in a fresh process, without a warning: what a version of Python takes away shows here."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.test_house import ROOT, modules

# What is run as a script, the second one by the Python of an ERP.
SCRIPTS = {"sumeru_proxy.sandbox.__main__", "sumeru_proxy.consumers.order_sync.tryton.erp_database"}
IMPORT_ALL = """
import importlib, sys, warnings
import django
django.setup()
for name in sys.argv[1:]:
    with warnings.catch_warnings():
        warnings.filterwarnings("error", module=r"(widgets|sumeru_proxy)(\\..*)?$")
        importlib.import_module(name)
print(len(sys.argv) - 1)
"""


def test_every_module_is_imported_without_a_warning() -> None:
    names = [name for name, path in modules() if name not in SCRIPTS and "migrations" not in path.parts]
    assert len(names) > 150
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "widgets.settings"}
    command = [sys.executable, "-c", IMPORT_ALL, *names]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200)
    assert (done.returncode, done.stdout.strip()) == (0, str(len(names))), done.stderr


def test_garbage_is_collected_once_the_site_is_loaded() -> None:
    """Settings turn the collector off for the start; what was loaded is out of its way afterwards."""
    code = "import gc, django; django.setup(); print(gc.isenabled(), gc.get_freeze_count() > 10_000)"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "widgets.settings"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "True True", done.stderr


def test_a_storefronts_server_makes_customer_tokens_without_django() -> None:
    program = """
import sys
sys.modules["django"] = None
from sumeru_proxy.sdk.customer_tokens import mint, verify
print(verify(mint("s" * 32, "shp_1", "cus_1", now=1), ["s" * 32], "shp_1", 1))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("cus_1\n", "")
