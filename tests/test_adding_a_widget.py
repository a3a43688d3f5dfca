"""What README and CONTRIBUTING promise: a new widget is a module, a template and a test; everything else picks it up.

The tree is copied, the three files are added, ``manage.py generate`` and the contract tests run there in processes of their own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULE = '''"""A greeting for the product that a page is about."""

from __future__ import annotations

from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_lazy as _

from sumeru_proxy.reading.reader import Source
from widgets.base import Call, Context, IdentifierField, Widget, WidgetParams
from widgets.theming import tokens


class GreetingParams(WidgetParams):
    """What a page may ask."""

    product_id = IdentifierField(help_text=_("The product that is greeted."))


class Greeting(Widget):
    """Reads nothing."""

    name = "greeting"
    title = gettext_lazy("A greeting of tomorrow")
    description = _("A friendly word beside a product.")
    Params = GreetingParams
    parts = tokens.parts("title", greeting=_("The whole widget."))
    example = {"product_id": "{product}"}

    def context(self, call: Call, source: Source) -> Context:
        """``product_id``."""
        return {"product_id": call.params.product_id}
'''
TEST = '''"""The greeting names what it is about."""

from __future__ import annotations

from tests.widgets.fragments import call_of
from tests.widgets.states import Anything
from widgets import registry
from widgets.http import rendering


def test_the_greeting_names_the_product() -> None:
    widget = registry.all_widgets()["greeting"]
    made = rendering.render(widget, call_of(widget, product_id="prd_1"), Anything())
    assert "prd_1" in made.inner
'''
ITS_OWN = [
    "tests/test_every_widget.py",
    "tests/test_every_parameter.py",
    "tests/widgets/test_greeting.py",
    "tests/widgets/test_openapi.py",
    "tests/widgets/test_structured_data.py",
    "tests/widgets/test_theming.py",
]
OF_THE_WHOLE = ["tests/test_house.py", "tests/widgets/test_generate.py"]


@pytest.mark.slow
def test_a_module_a_template_and_a_test_are_a_widget(tmp_path: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in tracked:
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    for modules in ("static/loader/node_modules", "tests/package/node_modules"):
        (tmp_path / modules).symlink_to((ROOT / modules).resolve())
    (tmp_path / "widgets" / "catalog" / "greeting.py").write_text(MODULE)
    (tmp_path / "templates" / "widgets" / "greeting.html").write_text(
        '<section class="sw-greeting" part="greeting" lang="{{ call.locale }}" dir="{{ call.locale|direction }}">\n'
        '  <h2 class="sw-title" part="title">{{ _("A greeting of tomorrow") }}</h2>\n'
        "  <p>{{ w.product_id }}</p>\n"
        "</section>\n"
    )
    (tmp_path / "tests" / "widgets" / "test_greeting.py").write_text(TEST)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "SUMERU", "DATA_DIR"))},
        "DATA_DIR": str(tmp_path / ".data"),
        "PYTHONPYCACHEPREFIX": str(tmp_path.with_name("bytecode")),  # six processes read the same files
    }
    for name in ("DATABASE_URL", "CACHE_URL", "DJANGO_SETTINGS_MODULE"):
        environment.pop(name, None)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / ".git" / "info" / "exclude").write_text("node_modules\n")  # links here, folders elsewhere

    def run(*command: str) -> str:
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-6_000:]}\n{done.stderr[-3_000:]}"
        return done.stdout + done.stderr

    run("manage.py", "generate")
    assert "not translated: de: A greeting of tomorrow" in run("manage.py", "generate", "--check")
    assert "greeting" in (tmp_path / "static" / "package" / "src" / "api.d.ts").read_text()
    assert "| `greeting` | A friendly word beside a product. |" in (tmp_path / "README.md").read_text()
    pytest_command = ("-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider")
    assert re.search(r"\b[1-9]\d+ passed", run(*pytest_command, "-k", "greeting", *ITS_OWN))
    run(*pytest_command, *OF_THE_WHOLE)
