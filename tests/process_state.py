"""Finds what a module keeps between two requests: caches of functions, and names whose value its functions change."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from enum import Enum

from sumeru_proxy import memory

OURS = ("widgets", "sumeru_proxy")
# Caches of functions whose result follows from the arguments and the installed files alone: every test may find them filled.
PURE = {
    "sumeru_proxy.consumers.attribution.api_document.described",
    "sumeru_proxy.consumers.order_sync.places._names",
    "sumeru_proxy.consumers.order_sync.places.country_of",
    "sumeru_proxy.reading.copies._parts_of",
    "sumeru_proxy.reading.stored_form._decoder",
    "sumeru_proxy.redis_pool._pool",
    "sumeru_proxy.webhooks.installed._found",
    "widgets.catalog.cart_nudge._amounts",
    "widgets.demo.frame._engine",
    "widgets.demo.frame._version",
    "widgets.docs.npm_package.package",
    "widgets.docs.openapi.schema",
    "widgets.docs.python_package.wheel",
    "widgets.docs.samples.text",
    "widgets.doctor.table.rules",
    "widgets.http.embed._read_once",
    "widgets.http.jinja._speech",
    "widgets.http.parameters._names",
    "widgets.http.shops._refused",
    "widgets.http.parameters._options",
    "widgets.http.parameters._params",
    "widgets.http.rendering._built",
    "widgets.http.template_filters._bar",
    "widgets.http.template_filters._counted",
    "widgets.http.template_filters._stars",
    "widgets.i18n.formatting._ago",
    "widgets.i18n.formatting._day",
    "widgets.i18n.formatting.average",
    "widgets.i18n.formatting.babel_locale",
    "widgets.i18n.formatting.country",
    "widgets.i18n.formatting.money",
    "widgets.i18n.formatting.number",
    "widgets.i18n.languages.canonical",
    "widgets.i18n.languages.formats",
    "widgets.i18n.languages.usable",
    "widgets.i18n.texts._compiled",
    "widgets.i18n.texts._numbers",
    "widgets.i18n.texts.forms_of",
    "widgets.i18n.texts.all_texts",
    "widgets.registry.all_widgets",
}
# State of a process that is no memory between requests, or that must outlive a test; each with its reason.
UNREGISTERED = {
    "sumeru_proxy.client.caller._process_store": "the client knows nothing outside itself; it is for programs without this server",
    "sumeru_proxy.client.gate._own_store": "the same",
    "sumeru_proxy.client.session._adapter": "connections to Sumeru, which hold no answers",
    "sumeru_proxy.memory._holders": "the register itself",
    "widgets.catalog.rating_badge._grids": "weak: an entry ends with its request",
    "widgets.edge.answers._stores": "weak: for the metrics; each store is registered itself",
    "widgets.http.resolving.NOTHING_ELSE": "no values: unchangeable",
    "widgets.i18n.texts.NONE": "no words: unchangeable",
}
CACHES = {"cache", "lru_cache"}
CONTAINERS = {"dict", "list", "set", "OrderedDict", "deque", "defaultdict", "Counter"}
CONTAINERS |= {"WeakSet", "WeakKeyDictionary", "WeakValueDictionary"}
CHANGES = (
    "append",
    "add",
    "update",
    "setdefault",
    "pop",
    "popitem",
    "clear",
    "discard",
    "remove",
    "extend",
    "insert",
    "appendleft",
)


def cached_functions(module: str, tree: ast.Module) -> Iterator[str]:
    """Functions and methods under ``functools.cache`` or ``lru_cache``: decorated, or bound as ``name = cache(function)``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            names = {ast.unparse(each).partition("(")[0].rpartition(".")[2] for each in node.decorator_list}
            if names & CACHES:
                yield f"{module}.{node.name}"
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            made = ast.unparse(node.value.func).partition("(")[0].rpartition(".")[2]
            yield from (f"{module}.{ast.unparse(target)}" for target in node.targets if made in CACHES)


def module_names(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Names that the module itself binds, with their values."""
    for node in tree.body:
        if isinstance(node, ast.Assign):
            yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value


def changed_names(tree: ast.Module) -> set[str]:
    """Names whose value some function of the module changes: ``x[…] = …``, ``del x[…]``, ``x.append(…)``, ``global x``."""
    found: set[str] = set()
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        for node in ast.walk(function):
            if isinstance(node, ast.Global):
                found.update(node.names)
            elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
                found.update([node.value.id] if isinstance(node.value, ast.Name) else [])
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
                found.update([node.func.value.id] if isinstance(node.func.value, ast.Name) else [])
    return found


def is_constant(value: object) -> bool:
    """Whether an object of a class of ours cannot change: a frozen dataclass, or a tuple."""
    parameters = getattr(type(value), "__dataclass_params__", None)
    return isinstance(value, tuple | type | Enum) or bool(parameters and parameters.frozen)


def states_of(module: str, tree: ast.Module) -> Iterator[str]:
    """Module-level names that hold what may change between two requests, and are not registered with ``sumeru_proxy.memory``."""
    changed = changed_names(tree)
    for name, value in module_names(tree):
        made = ast.unparse(value.func).rpartition(".")[2] if isinstance(value, ast.Call) else ""
        if (
            isinstance(value, ast.Dict | ast.List | ast.Set | ast.DictComp | ast.ListComp | ast.SetComp)
            or made in CONTAINERS
        ):
            if name in changed:
                yield f"{module}.{name}"
        elif name in changed and not made:
            yield f"{module}.{name}"
        elif made[:1].isupper():
            held = getattr(importlib.import_module(module), name)
            ours = type(held).__module__.split(".")[0] in OURS
            if ours and not is_constant(held) and not memory.is_registered(held) and vars_of(held):
                yield f"{module}.{name}"


def vars_of(value: object) -> bool:
    """Whether the object has attributes of its own at all."""
    return bool(getattr(value, "__dict__", None)) or any(getattr(kind, "__slots__", ()) for kind in type(value).__mro__)
