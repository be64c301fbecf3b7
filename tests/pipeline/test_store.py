import pickle

import pytest

from verto_resilience import ConfigurationError, Policy
from verto_resilience.config import load_policy
from verto_resilience.pipeline import Secret, StoreAddress, StoreFault, without_secrets
from verto_resilience.pipeline._store import is_store_url

GOOD = [
    "redis://localhost",
    "redis://localhost:6379",
    "redis://localhost:6379/0",
    "redis://:pass@localhost/3",
    "redis://user:p%40ss@[::1]:6380/3",
    "rediss://cache.internal:6380?ssl_ca_certs=/etc/ca.pem",
    "rediss://cache.internal?db=4&ssl_certfile=/c.pem&ssl_keyfile=/k.pem",
    "unix:///run/redis.sock",
    "unix:///run/redis.sock?db=2",
    "unix://user:pass@/run/redis.sock",
]
BAD = [
    "",
    "localhost",
    "localhost:6379",
    "http://localhost",
    "redis:localhost",
    "redis://",
    "redis:///0",
    "redis://localhost/zero",
    "redis://localhost:port",
    "redis://localhost:99999",
    "redis://localhost?db=one",
    "redis://localhost?ssl_cert_reqs=none",
    "redis://localhost?socket_timeout=100",
    "redis://localhost?nonsense",
    "redis://localhost#here",
    "redis://local\nhost",
    "redis://[::1",
    "unix://",
    "unix:///",
    "unix://host/run/redis.sock",
]


@pytest.mark.parametrize("url", GOOD)
def test_a_redis_may_be_named_in_many_ways(url: str) -> None:
    """With and without port, database, user, options that are about certificates."""
    assert is_store_url(url)
    assert Policy(store=url).store == StoreAddress(url)


@pytest.mark.parametrize("url", BAD)
def test_what_cannot_be_one_is_refused(url: str) -> None:
    """Without asking anybody; an option that would leave a check out is no option."""
    assert not is_store_url(url)
    with pytest.raises(ConfigurationError, match="redis://"):
        Policy(store=url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("redis://:hidden@localhost", "redis://REDACTED@localhost"),
        ("redis://hidden@localhost", "redis://REDACTED@localhost"),
        ("redis://hidden:hid/den@localhost/1", "redis://REDACTED"),
        ("redis://hidden:hid@den@localhost/1", "redis://REDACTED@localhost/1"),
        ("redis://hidden:hid#den@localhost/1", "redis://REDACTED"),
        ("redis://hidden:hid?den@localhost/1", "redis://REDACTED"),
        ("redis://@localhost", "redis://REDACTED@localhost"),
        ("http://u:hidden@x", "http://REDACTED@x"),
        ("redis://hidden hidden", "redis://REDACTED"),
        ("redis://localhost/0?password=hidden", "redis://localhost/REDACTED"),
        ("redis://localhost/0?password=hid@den", "redis://REDACTED"),
        ("redis://localhost:6379:hidden/0", "redis://localhost/REDACTED"),
        ("redis://[::1]:6379:hidden/0", "redis://[::1]/REDACTED"),
        ("redis://:hidden@localhost/0#hidden", "redis://REDACTED@localhost/REDACTED"),
        ("redis://:hidden@[::1]/0?db=1", "redis://REDACTED@[::1]/0?db=1"),
        ("hidden", "REDACTED"),
    ],
)
def test_no_secret_of_an_address_is_shown(url: str, shown: str) -> None:
    """Whatever signs a password has, also one that was not quoted as it should be."""
    address = StoreAddress(url)

    assert without_secrets(url) == str(address) == shown
    assert "hidden" not in repr(address)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hidden@x/y",
        "http://:hidden@x",
        "hidden",
        "redis://x?password=hidden",
        "redis://x:1:hidden",
    ],
)
def test_no_error_quotes_a_secret(url: str) -> None:
    """A bad address is told without user and password, from code and from the environment."""
    environ = {"VERTO_RESILIENCE_STORE": url, "VERTO_RESILIENCE_STORE_POLL": "0"}
    with pytest.raises(ConfigurationError) as in_code:
        Policy(store=url)
    with pytest.raises(ConfigurationError) as in_environment:
        load_policy(environ)

    assert "hidden" not in str(in_code.value) + str(in_environment.value)
    assert "REDACTED" in str(in_environment.value)


def test_a_bad_address_is_told_what_may_be_given() -> None:
    """That there need be none stands among what may be, and not behind its options."""
    with pytest.raises(ConfigurationError) as refused:
        Policy(store="http://x")

    allowed = (
        "redis://HOST:PORT/DATABASE, rediss:// in its place for TLS, unix:///PATH for a socket"
    )
    assert f"{allowed}, or none; options" in str(refused.value)
    assert str(refused.value).endswith("ssl_keyfile")


def test_a_policy_shows_no_password() -> None:
    """Neither that of the address nor the one beside it, and both are kept."""
    policy = Policy(store="redis://:hidden@x", store_password="hidden")

    assert "hidden" not in repr(policy)
    assert isinstance(policy.store_password, Secret)
    assert policy.store_password.revealed == "hidden"
    assert pickle.loads(pickle.dumps(policy)) == policy  # noqa: S301 - made here


def test_secrets_are_compared_by_what_they_keep() -> None:
    """So that settings that are the same are taken for the same."""
    assert Secret("one") == Secret("one")
    assert hash(Secret("one")) == hash(Secret("one"))
    assert Secret("one") != Secret("two")
    assert Secret("one") != "one"
    assert str(Secret("one")) == "REDACTED"


@pytest.mark.parametrize("fault", StoreFault)
def test_every_fault_can_be_put_into_words(fault: StoreFault) -> None:
    """A part of a sentence, which a log and a person can read: what is wrong, and what to do."""
    wrong, sign, remedy = fault.sentence.partition("; ")

    assert wrong[0].islower()
    assert sign
    assert remedy[0].islower()
    assert not remedy.endswith(".")


def test_only_what_is_about_the_way_passes() -> None:
    """What the server refuses has to be put right by somebody."""
    passing = {fault for fault in StoreFault if fault.passes}

    assert passing == {
        StoreFault.NO_SUCH_HOST,
        StoreFault.NOBODY_LISTENS,
        StoreFault.UNREACHABLE,
        StoreFault.TIMEOUT,
        StoreFault.LOADING,
        StoreFault.TOO_MANY_FILES,
    }
