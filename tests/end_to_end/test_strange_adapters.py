"""Adapters and hooks of others that do what plain requests let them do."""

import io
from typing import Any

import pytest
import requests
import urllib3
from requests.adapters import BaseAdapter
from requests.models import PreparedRequest

from tests.end_to_end.sessions import Mounter, report
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.end_to_end


class WithoutBody(BaseAdapter):
    """Answers by itself, with responses that have no body at all: ``raw`` is ``None``."""

    def __init__(self, status: int) -> None:
        """Answer with a status."""
        super().__init__()
        self.status = status

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Answer."""
        response = requests.Response()
        response.status_code, response.request = self.status, request
        response.url = request.url or ""
        return response

    def close(self) -> None:
        """Nothing is open."""


class Cut(WithoutBody):
    """Answers by itself, with bodies that are shorter than their Content-Length."""

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Answer."""
        response = super().send(request)
        headers = {"Content-Length": "9"}
        response.raw = urllib3.HTTPResponse(
            io.BytesIO(b"cut"), headers=headers, preload_content=False
        )
        return response


@pytest.mark.parametrize("status", [200, 404])
def test_response_without_a_body_is_a_response(mounted: Mounter, status: int) -> None:
    """What an adapter answers with is returned as it is, also where its content is ``None``."""
    session = mounted()
    session.get_adapter("http://").inner = WithoutBody(status)  # type: ignore[attr-defined]

    response = session.get("http://127.0.0.1/")

    assert (response.status_code, response.content) == (status, None)
    assert len(report(response).attempts) == 1


def test_body_that_is_cut_is_a_failed_attempt_whoever_answers(mounted: Mounter) -> None:
    """A recording, or another adapter of one's own, is held to its Content-Length like a server."""
    session = mounted(max_attempts=2)
    session.get_adapter("http://").inner = Cut(200)  # type: ignore[attr-defined]

    with pytest.raises(requests.exceptions.ChunkedEncodingError) as caught:
        session.get("http://127.0.0.1/")

    assert len(report(caught.value).attempts) == 2


@pytest.mark.parametrize("status", [401, 407])
def test_auth_hook_gets_the_answer_with_its_connection(
    verto: Sandbox, plain: requests.Session, mounted: Mounter, status: int
) -> None:
    """A hook for credentials is called before the body is read, and finds the socket below it.

    NTLM, Negotiate and Kerberos take the server's certificate from there.
    """
    verto.script("/door", [Reply(status, body=b"who are you?")], repeat=True)
    for session in (plain, mounted()):
        found: list[bool] = []

        def look(response: requests.Response, found: list[bool] = found, **_: Any) -> None:
            below: Any = response.raw
            found.append(below._fp.fp.raw._sock is not None)

        response = session.get(f"{verto.url}/door", hooks={"response": look})

        assert found == [True]
        assert response.content == b"who are you?"
