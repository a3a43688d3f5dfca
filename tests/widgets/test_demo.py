"""``manage.py demo``: what it decides, the rows it makes, and its life as processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sumeru_proxy import secrets
from sumeru_proxy.models import Credential, Shop, ShopOrigin
from sumeru_proxy.sandbox.catalogue import demo_shops, small_catalogue
from tests.widgets.demo_runs import Run, eventually, free_ports, listening, processes_of, running
from widgets.demo import addresses, folder, prepare


def test_storefront_and_sandbox_follow_the_port() -> None:
    where = addresses.choose(8000, None, None)
    assert (where.widgets, where.storefront, where.sandbox) == (
        "http://127.0.0.1:8000",
        "http://127.0.0.1:8001",
        "http://127.0.0.1:8002",
    )
    assert addresses.choose(8000, 7000, None).by_option() == {
        "--port": 8000,
        "--storefront-port": 7000,
        "--sandbox-port": 8002,
    }


@pytest.mark.parametrize(
    ("ports", "named"),
    [
        ((0, None, None), "--port 0"),
        ((65_535, None, None), "--storefront-port 65536"),
        ((8000, 0, None), "--storefront-port 0"),
        ((8000, 8000, None), "--storefront-port 8000"),
        ((8000, None, 8001), "--sandbox-port 8001"),
        ((8000, None, -1), "--sandbox-port -1"),
    ],
)
def test_impossible_ports_are_named_with_their_option(ports: tuple[int, int | None, int | None], named: str) -> None:
    with pytest.raises(addresses.PortProblem, match=named):
        addresses.choose(*ports)


def test_a_busy_port_is_named_with_its_option() -> None:
    port, storefront, sandbox = free_ports(3)
    where = addresses.choose(port, storefront, sandbox)
    addresses.check_free(where)
    with socket.socket() as other:
        other.bind(("127.0.0.1", sandbox))
        other.listen()
        with pytest.raises(addresses.PortProblem, match=rf"Port {sandbox} is already in use.*--sandbox-port"):
            addresses.check_free(where)


def test_the_callers_environment_decides_nothing(tmp_path: Path) -> None:
    outer = {"PATH": "/bin", "DATABASE_URL": "postgresql://elsewhere", "DEBUG": "1", "HTTP_PROXY": "http://proxy"}
    made = folder.environment(tmp_path, addresses.choose(8000, None, None), outer)
    assert made["PATH"] == "/bin"
    assert made["DATABASE_URL"] == f"sqlite:///{tmp_path}/db.sqlite3"
    assert made["DEBUG"] == "0"
    assert folder.environment(tmp_path, addresses.choose(8000, None, None), outer, debug=True)["DEBUG"] == "1"
    assert "HTTP_PROXY" not in made
    assert made["SUMERU_HOSTS"].split(",")[0] == "http://127.0.0.1:8002"


def test_one_demo_per_folder(tmp_path: Path) -> None:
    held = folder.take(tmp_path / "new")
    with pytest.raises(folder.FolderProblem, match="Another demo is running"):
        folder.take(tmp_path / "new")
    held.close()
    folder.take(tmp_path / "new").close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(folder.FolderProblem, match="--data"):
        folder.take(tmp_path / "file" / "below")


def test_the_password_is_made_once_and_kept_for_its_owner(tmp_path: Path) -> None:
    first = folder.kept_password(tmp_path)
    assert len(first) == 20
    assert folder.kept_password(tmp_path) == first
    assert (tmp_path / "admin_password").stat().st_mode & 0o777 == 0o600
    (tmp_path / "other").mkdir()
    assert folder.kept_password(tmp_path / "other") != first


def test_seeding_twice_makes_the_same_rows_and_follows_the_ports(db: None) -> None:
    shops = demo_shops(small_catalogue())
    before = {"api_url": "http://127.0.0.1:3", "storefront": "http://127.0.0.1:2", "customer_secret": "s" * 40}
    first = prepare.seed(shops, admin_password="one", **before)
    Shop.objects.filter(key=first[0]).update(name="Renamed in the admin", active=False)
    after = {"api_url": "http://127.0.0.1:6", "storefront": "http://127.0.0.1:5", "customer_secret": "t" * 40}
    again = prepare.seed(shops, admin_password="two", **after)

    assert again == first
    assert Shop.objects.count() == len(shops) == 2
    shop = Shop.objects.get(key=first[0])
    assert (shop.name, shop.active, shop.api_url) == ("Renamed in the admin", True, "http://127.0.0.1:6")
    assert shop.product_url == "http://127.0.0.1:5/products/{handle}"
    assert shop.cart_url == "http://127.0.0.1:5/cart/{variants}"
    assert secrets.load_all(shop, Credential.Kind.CUSTOMER_SECRET) == ["t" * 40]
    assert secrets.load_all(Shop.objects.get(key=first[1]), Credential.Kind.CUSTOMER_SECRET) == []
    assert set(ShopOrigin.objects.filter(shop=shop).values_list("origin", flat=True)) == {
        "http://127.0.0.1:2",
        "http://127.0.0.1:5",
    }
    assert secrets.load_all(shop, Credential.Kind.PUBLIC_KEY) == [shops[0]["public_key"]]
    assert secrets.load_all(shop, Credential.Kind.ADMIN_TOKEN) == [shops[0]["admin_token"]]


def test_other_storefronts_are_the_first_shops(db: None) -> None:
    where = {"api_url": "http://127.0.0.1:3", "storefront": "http://127.0.0.1:2", "admin_password": "one"}
    first, second = prepare.seed(demo_shops(small_catalogue()), origins=["http://127.0.0.1:9"], **where)
    origins = {
        key: set(ShopOrigin.objects.filter(shop__key=key).values_list("origin", flat=True)) for key in (first, second)
    }
    assert origins == {first: {"http://127.0.0.1:2", "http://127.0.0.1:9"}, second: {"http://127.0.0.1:2"}}


@pytest.mark.thorough
def test_the_admin_is_a_superuser_with_the_kept_password(db: None, client: Any) -> None:
    prepare.seed([], api_url="", storefront="", admin_password="a password of 20 ch")
    assert client.login(username="admin", password="a password of 20 ch")
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize(
    ("products", "reviewed", "expected"),
    [
        (["a", "b"], ["b", "a", "b"], "b"),
        (["a", "b"], ["a", "b"], "a"),
        (["a", "b"], [], "a"),
        ([], [], ""),
    ],
)
def test_the_most_reviewed_product(products: list[str], reviewed: list[str], expected: str) -> None:
    shop = {"products": [{"id": each} for each in products], "reviews": [{"product_id": each} for each in reviewed]}
    shop["reviews"] += [{"product_id": "a", "status": "pending"}] * 9
    assert prepare.most_reviewed(shop) == expected


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all runs, so that static files are collected once."""
    made = tmp_path_factory.mktemp("demo")
    (made / "catalogue.json").write_text(json.dumps(small_catalogue()))
    return made


@pytest.fixture
def demo(data: Path) -> Iterator[Run]:
    with running(data, "--catalogue", str(data / "catalogue.json"), collected=False) as run:
        yield run
    eventually(lambda: not processes_of(data), 5, "no process is left")


def read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20) as answer:
        body: bytes = answer.read()
        return body


@pytest.mark.slow
def test_facts_on_one_line_and_a_quick_complete_end(demo: Run, data: Path) -> None:
    facts = demo.facts()
    port, storefront, sandbox = demo.ports
    assert {name: facts[name] for name in ("widgets", "storefront", "sandbox", "admin", "admin_user", "product")} == {
        "widgets": f"http://127.0.0.1:{port}/",
        "storefront": f"http://127.0.0.1:{storefront}/",
        "sandbox": f"http://127.0.0.1:{sandbox}/",
        "admin": f"http://127.0.0.1:{port}/admin/",
        "admin_user": "admin",
        "product": "prd_1",
    }
    product = f"{facts['storefront']}product/{facts['product']}"
    eventually(lambda: b"Body of review 45." in read(product), 20, "the reviews are in the page")
    assert facts["shop"] in read(product).decode()
    for method, packed in (("GET", True), ("HEAD", False)):
        asked = urllib.request.Request(facts["storefront"], method=method, headers={"Accept-Encoding": "gzip" * packed})
        with urllib.request.urlopen(asked, timeout=20) as answer:
            assert (answer.headers["Content-Encoding"] == "gzip") is packed
            assert answer.read().startswith(b"\x1f\x8b") is packed
    assert b"staticfiles.json" not in read(facts["admin"])
    assert (data / "static" / "staticfiles.json").exists()

    demo.process.send_signal(signal.SIGTERM)
    assert demo.ended(10) == 0
    assert demo.more_lines() == []
    assert processes_of(data) == []
    assert not any(listening(each) for each in demo.ports)


@pytest.mark.slow
def test_ctrl_c_during_the_preparation(demo: Run, data: Path) -> None:
    eventually(lambda: len(processes_of(data)) >= 3, 30, "guard, sandbox and preparation run")
    demo.process.send_signal(signal.SIGINT)
    assert demo.ended(5) == 0
    assert demo.more_lines() == []
    assert processes_of(data) == []


@pytest.mark.slow
def test_no_orphan_after_kill_9(demo: Run, data: Path) -> None:
    demo.facts()
    assert len(processes_of(data)) >= 5  # guard, sandbox, server and its worker, storefront
    demo.process.kill()
    eventually(lambda: not processes_of(data), 5, "no process is left")
    assert not any(listening(each) for each in demo.ports)


@pytest.mark.slow
def test_a_needed_process_that_dies_ends_the_demo_with_its_log(demo: Run, data: Path) -> None:
    demo.facts()
    os.kill(eventually(lambda: "log" in demo.text and demo.pid("storefront"), 5, "pids"), signal.SIGKILL)
    assert demo.ended(10) == 1
    assert "The storefront (pid" in demo.text
    assert "was ended by SIGKILL" in demo.text
    assert processes_of(data) == []


@pytest.mark.slow
def test_the_sandbox_may_be_killed_and_started_again(demo: Run) -> None:
    facts = demo.facts()
    product = f"{facts['storefront']}product/{facts['product']}"
    # No page waits for its widgets: on a busy machine the first one may come without.
    eventually(lambda: b"Body of review 45." in read(product), 20, "the page is warm")
    os.kill(eventually(lambda: demo.pid("sandbox"), 5, "pid"), signal.SIGKILL)
    eventually(lambda: "To start it again" in demo.text, 5, "the outage is told")
    assert not listening(demo.ports[2])
    eventually(lambda: b"Body of review 45." in read(product), 20, "the page is shown from the copies")
    assert read(f"{facts['storefront']}media/outdoor-alder-rucksack.svg").startswith(b"<svg")
    demo.process.send_signal(signal.SIGUSR1)
    eventually(lambda: listening(demo.ports[2]), 30, "the sandbox is back")
    assert demo.process.poll() is None


@pytest.mark.slow
def test_a_busy_port_ends_the_demo_at_once(data: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        busy = other.getsockname()[1]
        with running(data, "--sandbox-port", str(busy), collected=False) as run:
            assert run.ended(30) == 1
            assert f"Port {busy} is already in use. Choose another with --sandbox-port." in run.text
            assert run.more_lines() == []
    assert processes_of(data) == []


@pytest.mark.slow
def test_a_catalogue_that_cannot_be_read_is_told(data: Path) -> None:
    (data / "broken.json").write_text("{")
    with running(data, "--catalogue", str(data / "broken.json"), collected=False) as run:
        assert run.ended(60) == 1
        assert "broken.json" in run.text
        assert "Traceback" not in run.text
    eventually(lambda: not processes_of(data), 5, "no process is left")
