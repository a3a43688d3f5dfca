"""``python -m tests.bench.render_times SHOP_ID ROUNDS``: how long ``rendering.render`` takes here, from copies that are there."""

from __future__ import annotations

import json
import sys
import time

import django

from tests.bench.load import percentile


def measure(shop_id: int, reviews: int, rounds: int) -> dict[str, float]:
    """Milliseconds of one render of the reviews widget with this many reviews."""
    from django.utils import timezone

    from sumeru_proxy import accounts
    from sumeru_proxy.models import Shop
    from widgets import registry
    from widgets.base import Call, Frozen
    from widgets.http import rendering, shops

    widget = registry.get("reviews")
    facts = shops.load(Shop.objects.get(pk=shop_id).key)
    assert widget is not None
    assert facts is not None
    params, options = widget.Params(data={"product_id": "prd_1", "limit": reviews}), widget.Options(data={})
    params.is_valid(raise_exception=True)
    options.is_valid(raise_exception=True)
    took = []
    for turn in range(rounds + 20):
        call = Call(
            facts.profile,
            Frozen(params.validated_data),
            Frozen(options.validated_data),
            "en",
            f"https://widgets.example/w/v1/{facts.profile.key}/reviews",
            timezone.now(),
        )
        source = accounts.source_for(shop_id)
        began = time.perf_counter()
        made = rendering.render(widget, call, source)
        if turn >= 20:
            took.append((time.perf_counter() - began) * 1000)
        assert made.state == "ready", made.state
        assert len(made.context["reviews"]) == reviews
    return {"rps": 1000 * len(took) / sum(took), "p50_ms": percentile(took, 0.5), "p99_ms": percentile(took, 0.99)}


if __name__ == "__main__":
    django.setup()
    figures = {str(count): measure(int(sys.argv[1]), count, int(sys.argv[2])) for count in (10, 50)}
    print(json.dumps(figures))
