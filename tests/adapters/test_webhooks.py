"""Is a message delivered where that can be, and given up in bounded time where it cannot?"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator

import pytest
from tests.adapters.receiver import Behaviour, Receiver, answering, dripping, hanging, raw

from kfp_lifecycle.adapters import webhooks

WELL = answering("204 No Content")
Make = Callable[..., Receiver]


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.setattr(webhooks, "_LONGEST_PAUSE", 0.05)
    made: list[Receiver] = []

    def make(*behaviours: Behaviour) -> Receiver:
        made.append(Receiver(*behaviours))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_a_message_arrives_as_it_was_made(receiver: Make) -> None:
    there = receiver(WELL)
    assert webhooks.deliver(there.url, b'{"a": 1}', "application/json") == webhooks.Delivery(True, "", 1)
    [(line, headers, body)] = there.requests
    assert line == "POST /hook/s3cret-path HTTP/1.1"
    assert (headers["content-type"], body) == ("application/json", b'{"a": 1}')


@pytest.mark.parametrize("first", [answering("500 Oops"), answering("429 Wait"), raw(b""), raw(b"SSH-2.0-x\r\n")])
def test_what_another_try_can_mend_is_tried_again(receiver: Make, first: Behaviour) -> None:
    there = receiver(first, first, WELL)
    assert webhooks.deliver(there.url, b"x", "text/plain") == webhooks.Delivery(True, "", 3)


@pytest.mark.parametrize(
    ("behaviour", "tries", "why"),
    [
        (answering("500 Oops", body=b"secret stack trace"), 4, "HTTP 500, in 4 tries"),
        (answering("404 No", body=b"who are you"), 1, "HTTP 404"),
        (answering("302 There", "Location: http://127.0.0.1:9/"), 1, "a redirection is not followed"),
        (answering("307 There", "Location: /elsewhere"), 1, "a redirection is not followed"),
        (answering("100 Continue"), 4, "cannot be talked to"),
        (raw(b"\x00\xff" * 1000), 4, "cannot be talked to (RemoteProtocolError)"),
        (raw(b""), 4, "cannot be talked to"),
        (raw(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000), 4, "cannot be talked to"),
    ],
)
def test_a_receiver_that_does_not_take_it_is_told_without_its_address(
    receiver: Make, behaviour: Behaviour, tries: int, why: str
) -> None:
    there = receiver(behaviour)
    delivered = webhooks.deliver(there.url, b"x", "text/plain")
    assert (delivered.taken, delivered.attempts) == (False, tries)
    assert why in delivered.reason
    assert len(there.requests) == tries
    assert "s3cret" not in delivered.reason and "127.0.0.1" not in delivered.reason and "stack" not in delivered.reason


@pytest.mark.parametrize("behaviour", [hanging, dripping])
def test_a_receiver_that_takes_for_ever_is_left(
    receiver: Make, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "TRY_SECONDS", 0.3)
    began = time.monotonic()
    delivered = webhooks.deliver(receiver(behaviour).url, b"x", "text/plain")
    assert delivered == webhooks.Delivery(False, "the receiver did not answer within 0.3 s, in 4 tries", 4)
    assert time.monotonic() - began < 60


def test_an_endless_body_is_not_read(receiver: Make) -> None:
    def endless(peer) -> None:  # type: ignore[no-untyped-def]
        peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            peer.sendall(b"a" * 65536)

    began = time.monotonic()
    assert webhooks.deliver(receiver(endless).url, b"x", "text/plain").taken
    assert time.monotonic() - began < 60


def test_nobody_at_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "_LONGEST_PAUSE", 0.05)
    for url in ("http://127.0.0.1:9/s3cret", "http://no.such.host.invalid/s3cret"):
        delivered = webhooks.deliver(url, b"x", "text/plain")
        assert delivered == webhooks.Delivery(False, "the receiver cannot be talked to (ConnectError), in 4 tries", 4)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("SSL_CERT_FILE", "/missing/ca.pem", "FileNotFoundError"),
        ("SSL_CERT_FILE", __file__, "SSLError"),
        ("ALL_PROXY", "socks5://ann:pw@127.0.0.1:9", "ImportError"),
        ("ALL_PROXY", "what://127.0.0.1:9", "ValueError"),
        ("NO_PROXY", "[::1", "InvalidURL"),
    ],
)
def test_an_environment_that_no_client_can_be_made_in_is_told_without_its_values(
    receiver: Make, monkeypatch: pytest.MonkeyPatch, name: str, value: str, error: str
) -> None:
    monkeypatch.setenv(name, value)
    delivered = webhooks.deliver(receiver(WELL).url, b"x", "text/plain")
    assert delivered == webhooks.Delivery(False, f"the proxy or certificate settings cannot be used ({error})", 0)


def test_no_log_holds_the_address(receiver: Make, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        webhooks.deliver(receiver(answering("500 Oops"), WELL).url, b"x", "text/plain")
    assert "s3cret" not in caplog.text and "hook" not in caplog.text


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://hooks.example.com/x", True),
        ("http://127.0.0.1:1", True),
        ("ftp://example.com", False),
        ("file:///etc/passwd", False),
        ("example.com/x", False),
        ("http://", False),
        ("http://host:99999/x", False),
        ("http://host:0/x", False),
        ("http://host:65535/x", True),
        ("http://a\x00b/", False),
        ("https://" + "a" * 70_000, False),
    ],
)
def test_only_http_addresses_are_addresses(url: str, good: bool) -> None:
    assert webhooks.is_address(url) is good


@pytest.mark.parametrize("host", ["[", "a" * 64 + ".com", "a..b", "-", "%20", "*", "1.2.3", "[::1", "xn--a"])
def test_an_absurd_host_is_no_more_than_a_receiver_that_cannot_be_reached(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "_LONGEST_PAUSE", 0.01)
    url = f"http://{host}:9/s3cret"
    if webhooks.is_address(url):
        delivered = webhooks.deliver(url, b"x", "text/plain")
        assert not delivered.taken and "s3cret" not in delivered.reason
