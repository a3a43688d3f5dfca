"""The widgets' templates: one Jinja2 environment for all of ``templates/widgets/``; Django's own backend finds and renders them.

What a template may rely on:

* Values are escaped. What is markup comes from the filters of ``template_filters`` or from another template.
* ``_("Page %(number)s", number=…)`` and ``ngettext(one, many, count, …)`` are the shoppers' texts in the call's language with the
  merchant's own words; both are bound once per render. ``manage.py makemessages`` collects them (see ``messages_of``).
* A line break with the blanks around it is nothing, or one space inside a tag: write one tag a line and indent freely.
  Where a space is to be seen at the end of a line, write ``{{ " " }}``.
* ``w.items`` of a dictionary is its entry, never its method. A name that is not there is an error, never an empty text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Hashable, Iterable, Iterator
from functools import lru_cache
from typing import Any

import jinja2
from django.utils.safestring import SafeString, mark_safe
from jinja2.compiler import CodeGenerator, Frame
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from markupsafe import Markup

from widgets.http import template_filters
from widgets.i18n import texts

_BREAK = re.compile(r"[ \t]*\n\s*")
_ANGLE = re.compile(r"([<>])")


class OneTagALine(Extension):
    """Removes line breaks and indentation from templates when they are compiled. They only serve who reads the template."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """The tokens, without the line breaks in their texts."""
        inside = False
        for token in stream:
            if token.type != "data":
                yield token
                continue
            parts = []
            for part in _ANGLE.split(token.value):
                if part in ("<", ">"):
                    inside = part == "<"
                parts.append(_BREAK.sub(" " if inside else "", part))
            if text := "".join(parts):
                yield Token(token.lineno, "data", text)


def escaped(value: object) -> str:
    """A value as HTML: what is markup stays, anything else is escaped as Django escapes it."""
    kind = type(value)
    if kind is str:
        return html.escape(value)  # type: ignore[arg-type]
    if kind is Markup or kind is SafeString:
        return value  # type: ignore[return-value]
    return str(value.__html__()) if hasattr(value, "__html__") else html.escape(str(value))


class _Generator(CodeGenerator):
    """Jinja2's compiler with ``escaped`` in place of its own function, which makes an object for each piece of text: a third of
    the render time.
    """

    def _output_child_pre(self, node: jinja2.nodes.Expr, frame: Frame, finalize: Any) -> None:
        if frame.eval_ctx.volatile or not frame.eval_ctx.autoescape or finalize.src is not None:
            super()._output_child_pre(node, frame, finalize)
        else:
            self.write("environment.escaped(")


class Speech:
    """The shoppers' texts in one voice: a language, or a shop's own words in it."""

    __slots__ = ("_catalogue", "_plain")

    def __init__(self) -> None:
        self._catalogue = texts.catalogue()
        self._plain: dict[str, Markup] = {}

    def gettext(self, text: str, /, **values: object) -> Markup:
        """The text with its values, escaped, in their places. Our texts and merchants' words hold no markup."""
        if values:
            words = self._catalogue.gettext(text)
            return Markup(words % {name: escaped(value) for name, value in values.items()})  # noqa: S704 - escaped
        found = self._plain.get(text)
        if found is None:
            found = self._plain[text] = Markup(self._catalogue.gettext(text))  # noqa: S704 - no markup, see above
        return found

    def ngettext(self, one: str, many: str, number: int, /, **values: object) -> Markup:
        """The text in the form that the number takes in this language."""
        words = self._catalogue.ngettext(one, many, number)
        return Markup(words % {name: escaped(value) for name, value in values.items()})  # noqa: S704 - escaped


@lru_cache(maxsize=256)
def _speech(_voice: Hashable) -> Speech:
    return Speech()


class WidgetTemplate(jinja2.Template):
    """A template that is rendered in the language that is active at that moment."""

    def render(self, *args: Any, **kwargs: Any) -> SafeString:
        """The finished text, safe in HTML."""
        speech = _speech(texts.voice())
        html = super().render(*args, _=speech.gettext, ngettext=speech.ngettext, **kwargs)
        return mark_safe(html)  # noqa: S308 - the environment escapes


class WidgetEnvironment(jinja2.Environment):
    """Jinja2's environment, except that ``a.b`` of a dictionary is its entry before its method: widget contexts are dictionaries."""

    template_class = WidgetTemplate
    code_generator_class = _Generator
    escaped = staticmethod(escaped)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """``obj.attribute`` of a template."""
        if type(obj) is dict:
            try:
                return obj[attribute]
            except KeyError:
                return self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)


def environment(**options: Any) -> WidgetEnvironment:
    """The environment, for Django's Jinja2 backend; ``options`` are its own: the loader of the folder, ``auto_reload`` in DEBUG."""
    options["loader"] = jinja2.PrefixLoader({"widgets": options["loader"]})
    # No trim_blocks and lstrip_blocks: OneTagALine does what they do, and needs to see the line breaks.
    options.update(autoescape=True, undefined=jinja2.StrictUndefined, extensions=[OneTagALine])
    widget_environment = WidgetEnvironment(**options)
    widget_environment.filters.update(template_filters.FILTERS)
    widget_environment.globals.update(template_filters.GLOBALS)
    return widget_environment


def messages_of(source: str) -> Iterable[tuple[int, tuple[str, ...]]]:
    """The texts of a template for the catalogues: the line, and the text or its two forms. Raises TemplateSyntaxError."""
    tree = environment(loader=jinja2.BaseLoader()).parse(source)
    for node in tree.find_all(jinja2.nodes.Call):
        if isinstance(node.node, jinja2.nodes.Name) and (count := _FORMS.get(node.node.name)):
            forms = tuple(each.value for each in node.args[:count] if isinstance(each, jinja2.nodes.Const))
            if len(forms) < count:
                raise jinja2.TemplateSyntaxError("a text for shoppers must stand there as it is", node.lineno)
            yield node.lineno, forms


_FORMS = {"_": 1, "gettext": 1, "ngettext": 2}
