import uuid
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

from tests.pipeline.makers import half
from verto_resilience.outcome import Catalogue, Operation, OperationKind, Operations, Repeatable
from verto_resilience.pipeline import Pipeline, Policy
from verto_resilience.testing import FakeClock
from verto_resilience.transports._requests_exchange import RequestsExchange
from verto_resilience.transports._verto_headers import CORRELATION_ID, IDEMPOTENCY_KEY

OPERATIONS = Operations(
    [
        Operation("POST", "/lists", kind=OperationKind.READ, repeatable=Repeatable.ALWAYS),
        Operation("GET", "/draw", kind=OperationKind.WRITE, repeatable=Repeatable.WITH_KEY),
        Operation("POST", "/fx", kind=OperationKind.MOVES_MONEY, repeatable=Repeatable.NEVER),
    ]
)


class NoAdapter(BaseAdapter):
    """Is never asked to send."""


def _exchange(
    method: str = "GET",
    url: str = "https://api.verto.co/rates",
    *,
    policy: Policy | None = None,
    timeout: Any = None,
    **given: Any,
) -> RequestsExchange:
    pipeline = Pipeline(
        Policy() if policy is None else policy,
        clock=FakeClock(),
        chance=half,
        catalogue=Catalogue.documented(),
        operations=OPERATIONS,
    )
    return RequestsExchange(
        requests.Request(method, url, **given).prepare(),
        adapter=NoAdapter(),
        inner=NoAdapter(),
        pipeline=pipeline,
        options={"stream": False, "timeout": timeout},
    )


class TestRequest:
    """What the machines are told of a request."""

    def test_it_is_described_without_its_secrets(self) -> None:
        """The origin holds neither user nor password."""
        request = _exchange(url="https://user:pass@api.verto.co/rates?token=1").request

        assert request.origin == "https://api.verto.co:443"
        assert "pass" not in repr(request)

    @pytest.mark.parametrize(
        ("method", "path", "key", "repeatable", "writes"),
        [
            ("GET", "/rates", False, True, False),
            ("POST", "/rates", False, False, True),
            ("POST", "/rates", True, True, True),
            ("PUT", "/rates", False, True, True),
            ("DELETE", "/rates", False, True, True),
            ("PATCH", "/rates", False, False, True),
            ("POST", "/lists", False, True, False),
            ("GET", "/draw", False, False, True),
            ("GET", "/draw", True, True, True),
            ("POST", "/fx", False, False, True),
            ("POST", "/fx", True, False, True),
        ],
    )
    def test_the_operations_table_overrules_the_method(
        self, method: str, path: str, key: bool, repeatable: bool, writes: bool
    ) -> None:
        """RFC 9110 decides, or an idempotency key, unless the table knows better."""
        headers = {IDEMPOTENCY_KEY: "k"} if key else {}

        request = _exchange(method, f"https://api.verto.co{path}", headers=headers).request

        assert (request.repeatable, request.writes) == (repeatable, writes)

    def test_elsewhere_the_method_decides(self) -> None:
        """What is known of Verto's paths says nothing about another host's."""
        request = _exchange("POST", "https://api.example.com/lists").request

        assert request.operation is None
        assert not request.repeatable
        assert not request.verto

    @pytest.mark.parametrize(
        ("body", "replayable"),
        [(None, True), (b"x", True), (iter([b"x"]), False)],
        ids=["none", "bytes", "iterator"],
    )
    def test_a_body_that_cannot_be_rewound_is_known(self, body: Any, replayable: bool) -> None:
        """Whether the body can be sent again is told before the first send."""
        assert _exchange("PUT", data=body).request.replayable is replayable

    def test_a_correlation_id_is_made_for_verto(self) -> None:
        """A request to Verto that has none gets one of its own, a random UUID."""
        one, other = _exchange().request.correlation_id, _exchange().request.correlation_id

        assert one != other
        assert one is not None
        assert uuid.UUID(one).version == 4

    @pytest.mark.parametrize("name", [CORRELATION_ID, CORRELATION_ID.lower()])
    def test_the_caller_s_correlation_id_is_kept(self, name: str) -> None:
        """An id that the caller sends is the one that is reported."""
        assert _exchange(headers={name: "mine"}).request.correlation_id == "mine"

    def test_a_correlation_id_may_be_bytes(self) -> None:
        """Header values of both kinds are allowed by requests."""
        assert _exchange(headers={CORRELATION_ID: b"mine"}).request.correlation_id == "mine"

    def test_nobody_else_gets_a_correlation_id(self) -> None:
        """Verto's headers are for Verto's hosts."""
        assert _exchange(url="https://api.example.com/").request.correlation_id is None

    def test_the_policy_may_do_without(self) -> None:
        """Where correlation ids are switched off none is made, and the caller's is kept."""
        policy = Policy(correlation_ids=False)

        assert _exchange(policy=policy).request.correlation_id is None
        given_ = _exchange(policy=policy, headers={CORRELATION_ID: "mine"}).request
        assert given_.correlation_id == "mine"

    def test_the_request_itself_is_not_changed(self) -> None:
        """What was prepared stays as it was, headers included."""
        prepared = requests.Request("GET", "https://api.verto.co/").prepare()
        before = dict(prepared.headers)

        RequestsExchange(
            prepared,
            adapter=NoAdapter(),
            inner=NoAdapter(),
            pipeline=Pipeline(Policy(), clock=FakeClock(), chance=half),
            options={"stream": False, "timeout": None},
        )

        assert dict(prepared.headers) == before

    @pytest.mark.parametrize(("value", "host"), [("h", "h"), (b"h", "h")], ids=["text", "bytes"])
    def test_a_host_header_is_told(self, value: Any, host: str) -> None:
        """A caller that names another host is shown with that name."""
        assert _exchange(headers={"Host": value}).request.host == host
        assert _exchange().request.host is None
