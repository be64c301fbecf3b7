"""Stripe's SDK: a session that its HTTP client is given."""

from collections.abc import Iterator

import pytest
import requests
import stripe

import verto_resilience
from tests.end_to_end.sessions import circuit, quick
from verto_resilience import CircuitOpenError
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.end_to_end

PATH = "/v1/customers"
CUSTOMER = Reply(200, json={"id": "cus_1", "object": "customer"})


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """Give the session that the SDK is to use."""
    with requests.Session() as session:
        yield session


def client(verto: Sandbox, session: requests.Session, *, retries: int = 0) -> stripe.StripeClient:
    """Make a client as its documentation does, with a session of one's own."""
    return stripe.StripeClient(
        "sk_test_1",
        base_addresses={"api": verto.url},
        http_client=stripe.RequestsClient(session=session),
        max_network_retries=retries,
    )


def test_a_write_is_resent_under_the_sdks_own_key(
    verto: Sandbox, session: requests.Session
) -> None:
    """Stripe sends an ``Idempotency-Key`` with each POST, so a 503 is resent, byte for byte."""
    verto.script(PATH, [503, CUSTOMER])
    verto_resilience.mount(session, policy=quick())

    customer = client(verto, session).v1.customers.create({"email": "a@example.com"})

    first, second = verto.log
    assert customer.id == "cus_1"
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"] != ""
    assert first.body == second.body != b""


def test_its_own_retries_stand_above_and_multiply(
    verto: Sandbox, session: requests.Session
) -> None:
    """What the SDK sends again is a new call of the adapter; without its retries there is one."""
    verto.script(PATH, [503], repeat=True)
    verto_resilience.mount(session, policy=quick(max_attempts=2, consecutive_failures=None))
    arrived = []

    for retries in (0, 1):
        verto.clear()
        with pytest.raises(stripe.APIError):
            client(verto, session, retries=retries).v1.customers.list()
        arrived.append(verto.arrived)

    assert arrived == [2, 2 * 2]


def test_an_open_circuit_is_its_connection_error(verto: Sandbox, session: requests.Session) -> None:
    """The SDK's own exception is what its callers catch, and the refusal is its cause."""
    verto.script(PATH, [503], repeat=True)
    policy = quick(max_attempts=1, consecutive_failures=1, break_duration=60)
    verto_resilience.mount(session, policy=policy)
    sdk = client(verto, session)
    with pytest.raises(stripe.APIError):
        sdk.v1.customers.list()

    with pytest.raises(stripe.APIConnectionError) as caught:
        sdk.v1.customers.list()

    assert isinstance(caught.value.__cause__, CircuitOpenError)
    assert caught.value.__cause__.retry_after is not None
    assert circuit(session, verto.url).state == "open"
    assert verto.arrived == 1
