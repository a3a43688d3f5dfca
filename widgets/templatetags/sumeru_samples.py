"""``{% sample "name" %}``: a code sample in the docs, filled in with this server's address."""

from __future__ import annotations

from django import template
from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString

from widgets.docs import samples

register = template.Library()


@register.simple_tag(takes_context=True)
def sample(context: Context, name: str) -> SafeString:
    """The sample as a block of code that scrolls by keyboard, escaped; ``base`` of the context is this server's address."""
    return format_html('<pre tabindex="0"><code>{}</code></pre>', samples.sample(name, base=str(context["base"])))
