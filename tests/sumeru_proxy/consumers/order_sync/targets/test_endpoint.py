"""Where signed messages are never sent to: private addresses, names that lead there, servers that cannot prove their name."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sumeru_proxy.consumers.order_sync.targets import interface
from sumeru_proxy.consumers.order_sync.targets.interface import Receipt, TargetDown
from sumeru_proxy.outbox.endpoint import is_public
from tests.sumeru_proxy.client.scripted import reset, scripted
from tests.sumeru_proxy.consumers.order_sync.targets.test_http import (
    TAKEN,
    answering,
    closed,
    kept_endpoint,
    one,
    open_target,
)

__all__ = ["closed"]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True), ("2606:2800:220:1:248:1893:25c8:1946", True), ("127.0.0.1", False), ("10.1.2.3", False),
        ("172.16.0.1", False), ("192.168.1.1", False), ("169.254.169.254", False), ("100.64.0.1", False), ("0.0.0.0", False),
        ("224.0.0.1", False), ("240.0.0.1", False), ("255.255.255.255", False), ("::1", False), ("::", False), ("fe80::1%eth0", False),
        ("fd00::1", False), ("ff02::1", False), ("::ffff:10.0.0.1", False), ("::ffff:93.184.216.34", True), ("64:ff9b::a00:1", False),
        ("64:ff9b::5db8:d822", True), ("2002:a00:1::", False), ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
    ],
)  # fmt: skip
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_a_name_that_leads_inside_is_not_followed_and_cannot_change_in_between() -> None:
    with scripted(reset) as inside:
        port = urlsplit(inside.url).port
        asked: list[str] = []

        def resolve(host: str, _port: int, **_more: Any) -> list[tuple[Any, ...]]:
            asked.append(host)
            addresses = ("93.184.216.34", "127.0.0.1")
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]

        target = kept_endpoint("https://shop.example/orders", resolve=resolve)
        with pytest.raises(TargetDown) as caught:
            one(target)
        assert caught.value.reason == "private_address"
        assert [each.level for each in target.check()] == [interface.ERROR]
        assert (inside.connections, asked) == (0, ["shop.example", "shop.example"])
    with answering(TAKEN) as server:
        seen: list[str] = []

        def once(host: str, _port: int, **_more: Any) -> list[tuple[Any, ...]]:
            seen.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", urlsplit(server.url).port))]

        target = kept_endpoint("http://shop.example/", allow_private=True, resolve=once)
        assert isinstance(one(target), Receipt)
        # Looked up once: what was checked is what was connected to.
        assert seen == ["shop.example"]
        assert server.received[0].headers["host"].startswith("shop.example")


def test_a_wrong_certificate_is_not_accepted() -> None:
    with answering(TAKEN) as server, pytest.raises(TargetDown) as caught:
        one(open_target(server.url.replace("http://", "https://"), timeout_s=2))
    assert caught.value.reason == "unreachable"
    assert server.received == []


def certificate(folder: Path) -> Path:
    """A key and a certificate of its own for shop.example."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "shop.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "shop.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    return file


def test_a_name_is_proven_by_its_certificate_and_named_without_the_usual_port(tmp_path: Path) -> None:
    seen: list[str] = []

    class Shop(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            seen.append(self.headers["Host"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_words: Any) -> None:
            pass

    file = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            place = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.server_port))
            known: dict[str, Any] = {"allow_private": True, "resolve": lambda *_a, **_k: [place]}
            trusting = kept_endpoint("https://shop.example/", tls=ssl.create_default_context(cafile=str(file)), **known)
            assert [isinstance(one(trusting), Receipt) for _ in range(2)] == [True, True]
            trusting.close()
            other = kept_endpoint("https://other.example/", tls=ssl.create_default_context(cafile=str(file)), **known)
            for target in (other, kept_endpoint("https://shop.example/", **known)):
                with pytest.raises(TargetDown) as caught:
                    one(target)
                assert caught.value.reason == "unreachable"
                assert "certificate" in caught.value.text
        finally:
            server.shutdown()
            thread.join(10)
    assert seen == ["shop.example", "shop.example"]
