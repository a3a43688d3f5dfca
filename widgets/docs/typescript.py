"""TypeScript types of the widgets' parameters and submissions, from our own API description. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_HEAD = """\
// Made by `manage.py generate` from the API description: change the widgets, not this file.
"""
# What the package sends in a header, and what it does not ask for: its components make a shadow root.
_NOT_IN_ADDRESSES = {"customer_token", "light"}
_NUMBERS = {"integer", "number"}


def declarations(document: Mapping[str, Any]) -> str:
    """A module of types: one interface per widget's parameters, ``WidgetParams`` by widget type, and every component schema."""
    parts = [_HEAD]
    names: dict[str, str] = {}
    for path, methods in document["paths"].items():
        last = path.rsplit("/", 1)[1]
        if not last.endswith(".json"):
            continue
        widget = last.removesuffix(".json")
        names[widget] = f"{_pascal(widget)}Params"
        fields = [
            (each["name"], each["schema"], each.get("required", False), each.get("description", ""))
            for each in methods["get"]["parameters"]
            if each["in"] == "query" and each["name"] not in _NOT_IN_ADDRESSES
        ]
        parts.append(_interface(names[widget], fields, loose=True))
    parts.append("/** Parameters by the widget's type. */\nexport interface WidgetParams {\n")
    parts.append("".join(f"  {widget}: {name};\n" for widget, name in names.items()) + "}\n\n")
    parts.append("export type WidgetType = keyof WidgetParams;\n\n")
    for name, schema in document["components"]["schemas"].items():
        required = set(schema.get("required", ()))
        fields = [(key, value, key in required, "") for key, value in schema.get("properties", {}).items()]
        parts.append(_interface(name, fields, schema.get("description", "")))
    return "".join(parts).rstrip("\n") + "\n"


def _pascal(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def _comment(text: str, indent: str = "") -> str:
    first = text.partition("\n")[0].replace("*/", "* /")
    return f"{indent}/** {first} */\n" if first else ""


def _interface(
    name: str, fields: list[tuple[str, Mapping[str, Any], bool, str]], comment: str = "", *, loose: bool = False
) -> str:
    lines = [
        f"{_comment(text or schema.get('description', ''), '  ')}  {key}{'' if required else '?'}: {_type(schema, loose)};\n"
        for key, schema, required, text in fields
    ]
    return f"{_comment(comment)}export interface {name} {{\n{''.join(lines)}}}\n\n"


def _type(schema: Mapping[str, Any], loose: bool) -> str:
    """The type of a schema. ``loose``: in a query a number may be written as text."""
    if "$ref" in schema:
        type_text = str(schema["$ref"]).rsplit("/", 1)[1]
    elif "allOf" in schema:
        type_text = " & ".join(_type(each, loose) for each in schema["allOf"])
    elif "oneOf" in schema:
        type_text = " | ".join(dict.fromkeys(_type(each, loose) for each in schema["oneOf"]))
    elif "enum" in schema:
        values = [value for value in schema["enum"] if value not in (None, "") or not loose]
        texts = [json.dumps(value) for value in values]
        if loose:
            texts += [json.dumps(str(value)) for value in values if isinstance(value, int)]
        type_text = " | ".join(texts)
    elif schema.get("type") == "array":
        type_text = f"({_type(schema['items'], loose)})[]"
    elif schema.get("type") in _NUMBERS:
        type_text = "number | string" if loose else "number"
    elif schema.get("type") == "boolean":
        type_text = "boolean"
    elif schema.get("type") == "string":
        type_text = "string"
    else:
        type_text = "Record<string, unknown>"
    return f"{type_text} | null" if schema.get("nullable") and not loose else type_text
