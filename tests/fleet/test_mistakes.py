"""Mistakes in what speaks with the server: told once, and no end of the thread."""

import logging

import pytest

from tests.fleet.server import RedisServer
from tests.fleet.sharing import connected, shop, wait_until
from verto_resilience.state import _dialogue
from verto_resilience.testing import Sandbox

pytestmark = pytest.mark.fleet

# Not as it stands in the source, which a traceback shows.
MESSAGE = f"{41 + 1} secrets"


def test_a_mistake_ends_no_thread(
    server: RedisServer,
    verto: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is logged once, without its message; the process goes alone, and is back after it."""

    def mistaken(*_: object, **__: object) -> None:
        raise ValueError(MESSAGE)

    with shop(server.url) as one:
        one.get(verto.url)
        connected(one)
        with monkeypatch.context() as broken:
            broken.setattr(_dialogue, "read_record", mistaken)
            with server.client() as client:
                name = "verto:resilience:v1:default:verdicts"
                client.hset(name, "c:https://x:443", "1 open 1 1 99999999999999 1 {}")
            assert wait_until(lambda: one.heard.store()[-1] == ("refused", "refused"))
            assert one.get(verto.url) == "404"

        assert wait_until(lambda: one.heard.store()[-1] == ("connected", ""))

    told = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert [record.getMessage() for record in told] == [
        f"store {server.url}: ValueError; further failures of this kind are not logged"
    ]
    assert MESSAGE not in caplog.text
