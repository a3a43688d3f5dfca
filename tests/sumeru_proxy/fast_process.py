"""A process of an installation under test: ``python -m tests.sumeru_proxy.fast_process COMMAND …``, killed at will by the tests.

``prepare`` makes the tables, where they are not there, and a shop; ``accept`` owes reviews as a web process would and notes each
acknowledgement;
``take`` hands over webhooks; ``report`` prints the jobs' counts; anything else is a management command. The breaker's pauses are
shortened, as the backoff is by option.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any


def review(number: int) -> dict[str, Any]:
    return {
        "product_id": f"prd_{1 + number % 4}",
        "rating": 1 + number % 5,
        "title": f"Review {number}",
        "body": f"Body of submission {number}.",
        "author": {"name": f"Shopper {number % 50}", "email": f"shopper{number % 50}@mail.example"},
    }


def key_of(number: int) -> str:
    return f"submission-{number:06d}"


def prepare(url: str, domain: str, public_key: str, secret: str, more: str = "") -> None:
    """``more`` is code that finishes the installation, in this process: a second one would cost a start."""
    from django.core.management import call_command
    from django.db import connection

    from sumeru_proxy import secrets
    from sumeru_proxy.models import Shop

    if "sumeru_proxy_shop" not in connection.introspection.table_names():
        call_command("migrate", verbosity=0)
    fast = dict.fromkeys(("writes_per_ip", "writes_per_shop", "pixel_per_ip", "pixel_per_shop"), 1000000)
    shop = Shop.objects.create(name="Killed", domain=domain, api_url=url, limits=fast)
    secrets.store(shop, "public_key", public_key)
    secrets.store(shop, "webhook_secret", secret)
    exec(more, {})
    sys.stdout.write(json.dumps({"id": shop.pk, "key": shop.key}))


def accept(shop_id: str, total: str, acks: str) -> None:
    from sumeru_proxy.outbox import writes

    path = Path(acks)
    done = len(path.read_bytes().split(b"\n")) - 1 if path.exists() else 0
    with open(os.open(acks, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb", buffering=0) as file:
        for number in range(done, int(total)):
            # A browser that got no answer sends the same submission again, with the same key.
            writes.owe(int(shop_id), "review", review(number), key=key_of(number))
            file.write(b"%d\n" % number)


def take(key: str, path: str) -> None:
    """Hands webhooks to the view as a server would; prints the statuses. A 500 is sent again, as the upstream does."""
    from django.test import RequestFactory

    from sumeru_proxy.webhooks import views

    statuses = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        raw, signed = json.loads(line)
        status = 500
        while status == 500:
            request = RequestFactory().generic(
                "POST", "/", raw.encode(), "application/json", headers={"X-Sumeru-Signature": signed}
            )
            status = views.receive(request, key).status_code
        statuses.append(status)
    sys.stdout.write(json.dumps(statuses))


def admin_token(shop_id: str, token: str) -> None:
    """Gives the shop an admin token and wide limits for it."""
    from sumeru_proxy import secrets
    from sumeru_proxy.models import Shop

    shop = Shop.objects.get(pk=int(shop_id))
    shop.limits = {**shop.limits, "admin": 100_000}
    shop.save()
    secrets.store(shop, "admin_token", token)


def report() -> None:
    from django.db import connection

    from sumeru_proxy.models import InboundEvent, Job, Stamp

    found: dict[str, Any] = {
        "states": Counter(f"{kind} {state}" for kind, state in Job.objects.values_list("kind", "state")),
        "reasons": Counter(Job.objects.exclude(state="done").values_list("reason", flat=True)),
        "heard": dict(Stamp.objects.filter(topic__startswith="heard:").values_list("topic", "value")),
        "booked": {
            topic.removeprefix("booked:"): value
            for topic, value in Stamp.objects.filter(topic__startswith="booked:").values_list("topic", "value")
        },
        "events": InboundEvent.objects.count(),
        "open": Job.objects.exclude(state__in=("done", "parked", "superseded")).count(),
    }
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA integrity_check")
            found["integrity"] = cursor.fetchone()[0]
    sys.stdout.write(json.dumps(found))


def main() -> None:
    import django

    from sumeru_proxy.client import breaker

    breaker.OPEN_FIRST_S, breaker.OPEN_MOST_S = 0.05, 0.2  # type: ignore[misc]
    from django.conf import settings

    settings.SUMERU_CONSUMERS = [name for name in [os.environ.get("TEST_CONSUMERS")] if name]
    settings.SUMERU_LISTENERS = [name for name in [os.environ.get("TEST_LISTENERS")] if name]
    django.setup()
    name, *arguments = sys.argv[1:]
    own = {"prepare": prepare, "accept": accept, "report": report, "take": take, "admin_token": admin_token}
    if name in own:
        own[name](*arguments)
        return
    from django.core.management import execute_from_command_line

    execute_from_command_line(["manage.py", name, *arguments])


if __name__ == "__main__":
    main()
