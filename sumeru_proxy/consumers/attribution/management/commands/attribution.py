"""``manage.py attribution token|fit|prove|parquet|parallel SHOP``: issue a read token, estimate the models from data, prove that everything
adds up, write Parquet files, credit on Dask.
"""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Max, Min

from sumeru_proxy.consumers.attribution import consumer, made_up, proof, tokens
from sumeru_proxy.consumers.attribution.journeys import DAY_MS
from sumeru_proxy.consumers.attribution.models import Conversion, ReadToken
from sumeru_proxy.consumers.attribution.plans import plan_of
from sumeru_proxy.management.shops import shop_named
from sumeru_proxy.models import Shop
from sumeru_proxy.webhooks import installed


class Command(BaseCommand):
    help = (
        "Issue a read token, estimate the models from data, prove that credits equal revenue, write touches, weights and credits as "
        "Parquet files, credit all orders on Dask and compare, or (for demos) seed made-up journeys. Back-fill: manage.py ranges."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=("token", "fit", "prove", "parquet", "parallel", "seed"))
        parser.add_argument("shop", help="the shop's key, domain or name")
        parser.add_argument("--name", default="command line", help="token: what it is for")
        parser.add_argument("--scope", choices=ReadToken.Scope.values, default=ReadToken.Scope.REPORT)
        parser.add_argument("--days", type=int, default=consumer.PROOF_DAYS, help="prove: how many days back")

        parser.add_argument(
            "--folder", default="", help="parquet: where to write; parallel: read these files, not the database"
        )
        parser.add_argument(
            "--scheduler", default="", help="parallel: a Dask scheduler, tcp://…; none: workers of this machine"
        )
        parser.add_argument("--workers", type=int, default=2, help="parallel: how many workers of this machine")

    def handle(self, *args: Any, **options: Any) -> None:
        shop = shop_named(options["shop"])
        getattr(self, f"_{options['what']}")(shop, options)

    def _token(self, shop: Shop, options: dict[str, Any]) -> None:
        self.stdout.write(tokens.issue(shop.pk, options["name"], options["scope"]).token)
        self.stderr.write("It is not shown again.")

    def _fit(self, shop: Shop, _options: dict[str, Any]) -> None:
        moment = datetime.now(UTC).isoformat(timespec="seconds")
        job = installed.owe(consumer.NAME, "fit", shop.pk, {}, key=f"by-hand/{moment}").job
        self.stdout.write(f"job {job.pk} is owed; a worker does it")

    def _prove(self, shop: Shop, options: dict[str, Any]) -> None:
        today = int(datetime.now(UTC).timestamp() * 1_000) // DAY_MS
        found = proof.prove(shop.pk, today - max(0, options["days"]), today)
        self.stdout.write(
            f"{found.orders} orders, {found.compared} sums compared, {len(found.gaps)} differ, "
            f"{found.stale} credited under older choices, {found.waiting} not yet"
        )
        for gap in found.gaps[:20]:
            self.stdout.write(f"{gap.what} day {gap.day} {gap.currency}: expected {gap.expected}, found {gap.found}")
        if found.gaps:
            raise CommandError("credits and revenue differ")

    def _seed(self, shop: Shop, _options: dict[str, Any]) -> None:
        today = int(datetime.now(UTC).timestamp() * 1_000) // DAY_MS
        self.stdout.write(f"{made_up.seed(shop.pk, shop.currency, today)} made-up orders")

    def _parquet(self, shop: Shop, options: dict[str, Any]) -> None:
        if not options["folder"]:
            raise CommandError("--folder says where to write")
        try:
            from sumeru_proxy.consumers.attribution import warehouse
        except ImportError as error:
            raise CommandError(f"pip install 'sumeru-widgets[parquet]': {error.name} is missing") from None
        for name, count in warehouse.export(shop.pk, Path(options["folder"])).items():
            self.stdout.write(f"{name}.parquet: {count} rows")

    def _parallel(self, shop: Shop, options: dict[str, Any]) -> None:
        try:
            import distributed

            from sumeru_proxy.consumers.attribution import parallel
        except ImportError as error:
            names = "sumeru-widgets[attribution-parallel,parquet]"
            raise CommandError(f"pip install '{names}': {error.name} is missing") from None
        ends = Conversion.objects.filter(shop=shop).aggregate(first=Min("pk"), last=Max("pk"))
        if ends["first"] is None:
            raise CommandError("there are no orders")
        workers = max(1, options["workers"])
        parts = parallel.ranges_of(ends["first"], ends["last"], workers * parallel.RANGES_EACH)
        # Workers of this machine are processes of one thread each; a cluster has what it has.
        dask: Any = distributed
        cluster = (
            None
            if options["scheduler"]
            else dask.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None)
        )
        try:
            with dask.Client(options["scheduler"] or cluster) as client:
                plan, source = plan_of(shop.pk), parallel.Source(shop.pk, options["folder"])
                try:
                    found = parallel.credit(client, source, plan, parts)
                except ValueError as error:
                    raise CommandError(str(error)) from None
        finally:
            if cluster is not None:
                cluster.close()
        different = parallel.differences(shop.pk, found)
        self.stdout.write(
            f"{len(found)} sums by day, model, channel and campaign; {different} differ from the stored ones"
        )
