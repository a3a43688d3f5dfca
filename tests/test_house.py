"""The walls of the house: each of these fails when a wall is broken."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from sumeru_proxy import memory
from tests.process_state import PURE, UNREGISTERED, cached_functions, states_of
from widgets import environment

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("widgets", "sumeru_proxy")
TOP_LEVEL = {
    "manage.py",
    "pyproject.toml",
    "requirements.lock",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "widgets",
    "sumeru_proxy",
    "templates",
    "static",
    "tests",
}


def tracked() -> list[str]:
    """What git would hold of the tree: tracked files and new ones that are not ignored."""
    output = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [line for line in output.splitlines() if (ROOT / line).exists()]


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def modules() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = list(path.relative_to(ROOT).with_suffix("").parts)
            if parts[-1] == "__init__":
                parts.pop()
            yield ".".join(parts), path


@cache
def imported(tree: ast.AST, module: str, path: Path) -> set[str]:
    """Every module name that an import statement anywhere in the file may load, functions included."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*up, base] if base else up)
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return names


@cache
def graph() -> dict[str, set[str]]:
    """Module → modules of ours that it imports. `from a import b` counts for `a.b` when that is a module, else for `a`."""
    known = dict(modules())
    edges: dict[str, set[str]] = {}
    for module, path in known.items():
        names = imported(parsed(path), module, path)
        ours = {name for name in names if name in known}
        # `from package import module` names the package too; it counts only when something of the package itself is used.
        edges[module] = {name for name in ours if not any(other.startswith(f"{name}.") for other in ours)} - {module}
    return edges


def importers(target: str) -> set[str]:
    return {
        module
        for module, path in modules()
        if any(name == target or name.startswith(f"{target}.") for name in imported(parsed(path), module, path))
    }


def test_no_module_cycle() -> None:
    edges = graph()
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " → ".join([*trail[trail.index(module) :], module])
        if module not in done:
            for other in sorted(edges[module]):
                visit(other, (*trail, module))
            done.add(module)

    for module in edges:
        visit(module, ())


def test_the_proxy_never_imports_widgets() -> None:
    guilty = {module for module in importers("widgets") if module.startswith("sumeru_proxy")}
    assert guilty == set()


def test_only_the_session_imports_requests() -> None:
    consumers = {"sumeru_proxy.consumers.order_sync.tryton.rest"}  # a consumer's own client for its own target
    assert importers("requests") == {"sumeru_proxy.client.session"} | consumers
    assert importers("urllib3") <= {"sumeru_proxy.client.session"}


def test_nothing_unpickles() -> None:
    """Bytes of a store are data. Django's own cache backends unpickle, so ours stand in their place, whatever the address."""
    for name in ("pickle", "marshal", "shelve", "dill", "jsonpickle", "joblib"):
        assert importers(name) == set(), name
    # A plan and a function on their way to worker processes that the operator started: a channel of theirs, no store.
    parallel = {f"sumeru_proxy.consumers.attribution.{name}" for name in ("parallel", "range_worker")}
    assert importers("cloudpickle") <= parallel
    assert importers("django.core.cache.backends") == {"sumeru_proxy.reading.cache_backends"}
    for url in ("local://", "database://", "redis://host/0", "rediss://host/0", "valkey://host/0", "unix:///socket"):
        entry: Any = environment.cache(url)
        plain = entry["OPTIONS"].get("serializer", entry["BACKEND"])
        assert plain.startswith("sumeru_proxy.reading.cache_backends."), url


JSON_OF_OURS = {
    "widgets.http.parameters": "a text made here a line before",
    "widgets.docs.npm_package": "a file of the release",
    "widgets.doctor.table": "a file of the release",
    "widgets.admin.bodies": "a stored body, which came in through a door that counts",
    "widgets.management.commands.generate": "made here",
    "sumeru_proxy.client.bounded_json": "the door, and that for Sumeru's answers with names that must be unique",
    "sumeru_proxy.webhooks.intake": "the door for events, with words of its own",
    "sumeru_proxy.webhooks.erasing": "a stored event, which came in through intake",
    "sumeru_proxy.models": "stored bodies",
    "sumeru_proxy.limit_stores": "states written by us",
    "sumeru_proxy.reading.handing_over": "rows written by us",
    "sumeru_proxy.reading.catalogue": "rows written by us",
}
"""Who may call ``json.loads``, beside programs that only an operator starts, with the reason."""


def test_json_of_strangers_comes_in_through_a_door_that_counts() -> None:
    skipped = ("sumeru_proxy.sandbox.", "widgets.demo.", "sumeru_proxy.consumers.order_sync.")
    found = {
        module
        for module, path in modules()
        if not module.startswith(skipped) and re.search(r"\bjson\.loads?\(", path.read_text(encoding="utf-8"))
    }
    assert found - set(JSON_OF_OURS) == set()


def test_the_client_stands_alone() -> None:
    for module in (name for name, _path in modules() if name.startswith(("sumeru_proxy.client", "sumeru_proxy.sdk"))):
        names = imported(parsed(dict(modules())[module]), module, dict(modules())[module])
        assert not {name for name in names if name.split(".")[0] == "django"}, module


def test_the_sandbox_never_imports_the_client() -> None:
    guilty = {
        module
        for module in importers("sumeru_proxy.client") | importers("sumeru_proxy.models")
        if module.startswith("sumeru_proxy.sandbox")
    }
    assert guilty == set()


def test_catalogue_modules_know_neither_each_other_nor_views_nor_models() -> None:
    rooms = ("widgets.catalog.", "widgets.http.", "widgets.edge.")
    for module, others in graph().items():
        if module.startswith("widgets.catalog."):
            forbidden = {other for other in others if other.startswith(rooms) or other.endswith(".models")}
            assert forbidden <= {"widgets.http.responses"}, module


def test_core_imports_no_consumer_and_consumers_not_each_other() -> None:
    for module, others in graph().items():
        consumers = {other.split(".")[2] for other in others if other.startswith("sumeru_proxy.consumers.")}
        own = module.split(".")[2] if module.startswith("sumeru_proxy.consumers.") and module.count(".") > 2 else None
        assert consumers <= ({own} if own else set()), module


def test_only_secrets_decrypts_and_only_few_ask_it() -> None:
    assert importers("cryptography") <= {
        "sumeru_proxy.secrets",
        "widgets.environment",  # makes a key, opens nothing
        "widgets.checks",  # looks at the keys' shape
    }
    loaders = {
        module
        for module, path in modules()
        if re.search(r"\bsecrets\.(load|load_all|reveal)\(", path.read_text(encoding="utf-8"))
        and module != "sumeru_proxy.secrets"
    }
    doors = ("widgets.http.customers", "widgets.http.brakes")
    allowed = ("sumeru_proxy.accounts", "sumeru_proxy.webhooks.", "sumeru_proxy.consumers.", *doors)
    assert {module for module in loaders if not module.startswith(allowed)} == set()


def test_every_init_is_a_docstring_or_empty() -> None:
    for path in (path for package in (*PACKAGES, "tests") for path in (ROOT / package).rglob("__init__.py")):
        body = parsed(path).body
        assert all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body), path


def test_no_module_is_named_for_nothing() -> None:
    bad = [
        path for path in tracked() if Path(path).stem in ("utils", "helpers", "misc", "common") and path.endswith(".py")
    ]
    assert bad == []


def test_top_level_entries() -> None:
    entries = {path.split("/")[0] for path in tracked()}
    assert {entry for entry in entries if not entry.startswith(".")} == TOP_LEVEL & entries
    assert {entry for entry in entries if not entry.startswith(".")} - TOP_LEVEL == set()


def test_files_stay_readable() -> None:
    long = []
    for name in tracked():
        if re.search(r"\.(py|js|mjs|ts|tsx|html)$", name) and not re.search(r"/(migrations|embed|node_modules)/", name):
            lines = (ROOT / name).read_text(encoding="utf-8").count("\n")
            if lines > 420:
                long.append(f"{name}: {lines}")
    assert long == []


def test_lines_of_templates_stay_readable() -> None:
    templates = [name for name in tracked() if name.endswith(".html") and not name.startswith("tests/")]
    long = [
        f"{name}:{number}"
        for name in templates
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), start=1)
        if len(line) > 160
    ]
    assert len(templates) > 60
    assert long == []


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        (r"/(?:work|farm)/|/root/|/tmp/bash_jobs", "a path of the machine that it was made on"),
        (r"registry\.npmjs|files\.pythonhosted|pypi\.org", "the host of a package registry"),
        # One character many times over is an example.
        (r"copt_live_[A-Za-z0-9]{32}|pk_live_(?!(.)\1{23})[A-Za-z0-9]{24,}", "what looks like a live credential"),
    ],
)
def test_tracked_text_holds_no(pattern: str, what: str) -> None:
    guilty = []
    for name in tracked():
        path = ROOT / name
        if path.suffix in (".png", ".mo", ".ico", ".woff2") or name == "tests/test_house.py":
            continue
        if re.search(pattern, path.read_text(encoding="utf-8", errors="replace")):
            guilty.append(name)
    assert guilty == [], what


def test_check_ids_are_unique_and_documented() -> None:
    source = (ROOT / "widgets" / "checks.py").read_text(encoding="utf-8")
    used = re.findall(r'id="(widgets\.[EW]\d{3})"', source)
    assert len(used) == len(set(used)) > 5


def test_public_names_have_docstrings() -> None:
    """Docstrings are contracts: each public module, class, function and method has one."""
    missing = []
    for module, path in modules():
        if "/migrations/" in str(path):
            continue
        tree = parsed(path)
        if path.name != "__init__.py" and not ast.get_docstring(tree):
            missing.append(module)
        pending: list[tuple[str, ast.AST]] = [(module, tree)]
        while pending:
            where, node = pending.pop()
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.ClassDef | ast.FunctionDef) and not child.name.startswith("_"):
                    skipped = child.name in ("Meta", "Kind", "Params", "Options", "Command", "handle", "add_arguments")
                    overload = any("overload" in ast.unparse(each) for each in child.decorator_list)
                    if not ast.get_docstring(child) and not skipped and not overload:
                        missing.append(f"{where}.{child.name}")
                    if isinstance(child, ast.ClassDef):
                        pending.append((f"{where}.{child.name}", child))
    assert missing == []


TWO_MEANINGS = {
    "Refused in sumeru_proxy": "what a target says no to, and what Sumeru does: consumers and the client each have the one name to catch",
}
"""Class names that may stand twice in a package, with the reason."""


def package_of(module: str) -> str:
    """Within which a class name has one meaning: those who read one of these need not know the others."""
    consumer = re.match(r"sumeru_proxy\.consumers\.\w+", module)
    if consumer:
        return consumer[0]
    return next(
        (
            name
            for name in ("sumeru_proxy.sandbox", "sumeru_proxy.sdk", "widgets.demo")
            if module.startswith(f"{name}.")
        ),
        module.split(".")[0],
    )


def test_each_public_class_name_stands_once_per_package() -> None:
    places: dict[str, list[str]] = {}
    for module, path in modules():
        if ".migrations." in module:
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and node.name != "Command":
                places.setdefault(f"{node.name} in {package_of(module)}", []).append(module)
    twice = {name: found for name, found in places.items() if len(found) > 1}
    assert {name: found for name, found in twice.items() if name not in TWO_MEANINGS} == {}
    assert set(TWO_MEANINGS) <= set(twice), "an exception that is none any more"


@pytest.mark.parametrize("lock", ["requirements.lock", "tests/requirements.lock"])
def test_the_locks_name_the_extras_that_packages_ask_for(lock: str) -> None:
    """pip takes a pin without its extra for no pin at all as soon as a newer release exists."""
    pins = re.findall(r"^([\w.-]+)(?:\[([\w,-]+)\])?==", (ROOT / lock).read_text(), re.MULTILINE)
    held = {canonicalize_name(name): set(extras.split(",")) - {""} for name, extras in pins}
    assert len(held) > 20
    for name in held:
        try:
            asked = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # of another platform or Python
            continue
        for requirement in map(Requirement, asked):
            applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            wanted = canonicalize_name(requirement.name)
            if applies and wanted in held:
                assert requirement.extras <= held[wanted], f"{name} asks for {requirement}"


def caches() -> tuple[set[str], set[str]]:
    """Cached functions, and unregistered states, of every module but the sandbox's: that is another process's program."""
    functions: set[str] = set()
    states: set[str] = set()
    for module, path in modules():
        if not module.startswith("sumeru_proxy.sandbox") and "migrations" not in path.parts:
            tree = parsed(path)
            functions.update(cached_functions(module, tree))
            states.update(states_of(module, tree))
    return functions, states


def test_what_a_process_remembers_is_registered() -> None:
    """``memory.forget_all`` drops it. A new cache is either registered, or stands above with the reason why it is not."""
    functions, states = caches()
    assert functions == PURE
    assert states == set(UNREGISTERED)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("_held = {}\ndef f(k):\n    _held[k] = 1", {"m._held"}),
        ("_held: dict[str, int] = dict()\ndef f(k):\n    return _held.setdefault(k, 1)", {"m._held"}),
        ("_held = OrderedDict()\ndef f(k):\n    del _held[k]", {"m._held"}),
        ("_held = None\ndef f():\n    global _held\n    _held = 1", {"m._held"}),
        ("TABLE = {}\ndef f(k):\n    return TABLE[k]", set()),
        ("NAMES = [1]\ndef f():\n    names = []\n    names.append(1)", set()),
    ],
)
def test_the_wall_finds_what_changes(source: str, found: set[str]) -> None:
    assert set(states_of("m", ast.parse(source))) == found


def test_the_wall_finds_an_unregistered_holder(monkeypatch: pytest.MonkeyPatch) -> None:
    module = "widgets.http.throttles"
    tree = parsed(dict(modules())[module])
    assert set(states_of(module, tree)) == set()
    monkeypatch.setattr(memory, "_holders", set())
    assert set(states_of(module, tree)) == {f"{module}.{name}" for name in ("reads", "guesses", "log_ins")}


def test_memory_stands_alone() -> None:
    path = dict(modules())["sumeru_proxy.memory"]
    names = imported(parsed(path), "sumeru_proxy.memory", path)
    assert not {name for name in names if name.split(".")[0] in ("django", "widgets", "sumeru_proxy")}
