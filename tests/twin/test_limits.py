"""What the endpoint refuses to read, to wait for and to let in."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from endpoints import MODEL, Endpoint, Start

from stackwright.core.errors import InputError
from stackwright.twin.limits import Limits
from stackwright.twin.server import bound, is_loopback

PATH = "/v1/completions"


@pytest.fixture
def locked(start: Start) -> Endpoint:
    return start(key="sesame")


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer other"}, {"Authorization": "sesame"}])
def test_a_wrong_key_opens_nothing_but_health(locked: Endpoint, header: dict[str, str]) -> None:
    with locked.http() as http:
        assert http.get("/health", headers=header).status_code == 200
        for path in ("/v1/models", "/metrics", "/openapi.json", "/nowhere"):
            answer = http.get(path, headers=header)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
        assert http.post(PATH, headers=header, json={"model": MODEL, "prompt": "x"}).status_code == 401
    assert locked.stack.prompts == []


def test_the_key_opens(locked: Endpoint) -> None:
    with locked.client("sesame") as client:
        assert client.completions.create(model=MODEL, prompt="x", max_tokens=1).usage is not None


def test_a_body_that_is_too_large_is_not_parsed(start: Start) -> None:
    endpoint = start(limits=Limits(body_bytes=1000))
    body = {"model": MODEL, "prompt": "x" * 1000}

    def drip() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 100

    with endpoint.http() as http:
        for answer in (http.post(PATH, json=body), http.post(PATH, content=drip())):
            assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")
        assert http.get("/health").status_code == 200


def received(url: str, sent: bytes) -> bytes:
    """All that a server sends until it hangs up on a client that stops in the middle."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as wire:
        wire.sendall(sent)
        parts = []
        while part := wire.recv(4096):
            parts.append(part)
        return b"".join(parts)


def test_a_client_that_stops_in_its_headers_is_hung_up_on(start: Start) -> None:
    endpoint = start(limits=Limits(body_bytes=1000, header_seconds=0.1))
    assert received(endpoint.url, b"POST /v1/completions HTTP/1.1\r\nHost: x\r\n") == b""


def test_a_client_that_stops_in_its_body_is_told_so(start: Start) -> None:
    endpoint = start(limits=Limits(body_bytes=1000, body_seconds=0.1))
    said = received(endpoint.url, b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
    assert said.startswith(b"HTTP/1.1 408")


def test_connections_beyond_the_limit_are_refused(start: Start) -> None:
    endpoint = start(limits=Limits(body_bytes=1000, connections=2))
    host, port = endpoint.url.removeprefix("http://").split(":")
    with (
        socket.create_connection((host, int(port))),
        socket.create_connection((host, int(port))),
        endpoint.http() as http,
    ):
        assert http.get("/health").status_code == 503


@pytest.mark.parametrize(
    ("host", "inside"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("example.com", False),
    ],
)
def test_only_loopback_addresses_are_inside(host: str, inside: bool) -> None:
    assert is_loopback(host) is inside


def test_a_port_in_use_is_a_fault_of_the_input() -> None:
    with bound("127.0.0.1", 0) as taken, pytest.raises(InputError, match="--port"):
        bound("127.0.0.1", taken.getsockname()[1])
