import io
from collections.abc import Callable
from typing import Any

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from tests.transports.responses import prepared
from verto_resilience.outcome import LONGEST_MESSAGE, ApiError
from verto_resilience.transports._request_secrets import Carrier, secrets_of, without_secrets


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"Authorization": "Bearer canary"}},
        {"headers": {"Authorization": b"Bearer canary"}},
        {"headers": {"X-Api-Key": "canary"}},
        {"headers": {"Cookie": 'a=b; sid="canary"'}},
        {"auth": ("me", "canary")},
        {"params": {"access_token": "canary"}},
        {"json": {"apiKey": "canary"}},
        {"json": [{"a": {"tokens": ["x", "canary"]}}]},
        {"data": {"password": "canary"}},
        {"json": {"credentials": {"name": "me", "kept": [{"it": "canary"}]}}},
        {"data": {"password": "canary"}, "files": {"a": b"x"}},
        {"data": {"a": "b", "password": "canary"}, "files": {"password": b"--x"}},
    ],
)
def test_credentials_are_found(options: dict[str, Any]) -> None:
    """Headers, user, query and body are looked through."""
    assert "canary" in secrets_of(prepared(**options))


def test_what_names_no_credential_is_left_alone() -> None:
    """Ids, amounts and keys for repeats are none."""
    request = prepared(
        url="https://api.example.com/a?currencyFrom=USD",
        headers={"Idempotency-Key": "key-1", "Vfx-Correlation-Id": "id-1"},
        json={"paymentId": "p-1", "amount": 5},
    )

    assert secrets_of(request) == frozenset()


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_body_in_memory_is_looked_through(kind: Callable[[bytes], object]) -> None:
    """However its bytes are held, and a form of urllib3, which is one in parts, as well."""
    form, _ = urllib3.encode_multipart_formdata({"a": "b", "password": "canary"})
    for body in (form, b'{"password": "canary"}'):
        assert "canary" in secrets_of(Carrier("https://api.example.com/", {}, kind(body)))


def test_its_form_in_a_url_is_one_too() -> None:
    """A server may quote a value as the URL had it."""
    assert {"a b/c", "a%20b%2Fc"} <= secrets_of(prepared(json={"secret": "a b/c"}))


@pytest.mark.parametrize(
    "body", [io.BytesIO(b'{"apiKey": "canary"}'), b"{" * 5000, b"[" * 5000, b"\xff", b"x" * 70_000]
)
def test_a_body_that_cannot_be_read_holds_none(body: object) -> None:
    """A stream is not touched, and what is no JSON brings no exception."""
    assert secrets_of(prepared(url="https://api.example.com/", data=body)) == frozenset()


def test_no_request_has_none() -> None:
    """Where there is no request there is nothing to find."""
    assert secrets_of(None) == frozenset()


@given(st.binary(max_size=200), st.text(max_size=50))
def test_any_request_is_looked_through(body: bytes, authorization: str) -> None:
    """No body, URL or header brings an exception."""
    request = prepared(url="https://api.example.com/", data=body)
    request.headers["Authorization"] = f"Basic {authorization}"
    request.url = f"https://[{authorization}"

    assert isinstance(secrets_of(request), frozenset)


def test_message_is_freed_of_what_was_sent_and_of_what_looks_like_a_credential() -> None:
    """What a server says reaches events and reports without them, and no longer than it was."""
    secrets = secrets_of(prepared(json={"apiKey": "canary"}))
    said = ApiError(1, ("bad canary, token abc-123: " + "apiKey=a1 " * 50)[:LONGEST_MESSAGE])

    cleaned = without_secrets(said, secrets)

    assert cleaned.code == 1
    assert str(cleaned.message).startswith("bad [removed], token [removed] ")
    assert "canary" not in str(cleaned.message)
    assert len(str(cleaned.message)) == LONGEST_MESSAGE
    assert without_secrets(ApiError(1), secrets) == ApiError(1)
