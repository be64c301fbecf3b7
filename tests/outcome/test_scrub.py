import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verto_resilience.outcome import names_a_secret, scrub, scrub_known

UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
LONG = "AbCdEfGhIjKlMnOpQrStUvWxYz12"
CANARY = "canary7"


@pytest.mark.parametrize(
    "text",
    [
        f"Invalid token {CANARY}",
        f"Invalid token '{CANARY} with blanks' given",
        f"token: {CANARY}",
        f"apiKey={CANARY}&mode=apiKey",
        f"api-key => {CANARY}",
        f"The API key is {CANARY}.",
        f"Authorization: Bearer {CANARY}",
        f"authorization Basic {CANARY}",
        f"bearer {CANARY} expired",
        f"token apiKey {CANARY}",
        f'{{"password": "{CANARY} b"}}',
        f"vfx_token {CANARY} is too old",
        f"vfxToken `{CANARY}`",
        f"X-Api-Key:{CANARY}",
        f"clientId {CANARY}",
        f"cookie session={CANARY}; Path=/",
        f"got {LONG}{CANARY}",
        f"got {LONG}/{CANARY}+abc=",
        f"eyJhbGciOiJIUzI1NiJ9.{CANARY}.x",
        f"eyJhbGciOiJI{CANARY}",
    ],
)
def test_what_looks_like_a_credential_goes(text: str) -> None:
    """Nothing that a name announces, or that is shaped like a token, stays."""
    told = scrub(text)

    assert CANARY not in told
    assert "[removed]" in told


@pytest.mark.parametrize(
    "text",
    [
        "token is invalid",
        "Bearer token is missing",
        "Basic authentication required",
        "The API key must have 28 characters",
        "quote vfx_token has expired",
        "Wallet is locked",
        "NationalId is not valid",
        f"payment {UUID} not found",
        f"no /profile/v2.1/beneficiaries/{UUID}/statement",
        "amount 1000000.00 USD exceeds 500000.00",
        f"order {UUID}={'1' * 25}",
        "",
    ],
)
def test_what_helps_a_person_stays(text: str) -> None:
    """Plain words, ids and amounts are left as they are."""
    assert scrub(text) == text


@pytest.mark.parametrize("text", [f"a {CANARY} b", f"{CANARY}{CANARY}", f"ends in {CANARY[:5]}"])
def test_a_known_value_goes_wherever_it_stands(text: str) -> None:
    """What was sent is taken out without any announcement, also where the text cuts it off."""
    assert CANARY[:5] not in scrub(text, [CANARY])


def test_a_short_known_value_is_left() -> None:
    """Three characters stand in too many words by chance."""
    assert scrub("the abc", ["abc"]) == "the abc"


def test_the_longer_of_two_known_values_goes_first() -> None:
    """A value that begins like another leaves no tail behind."""
    assert scrub_known("see canary7-tail!", [CANARY, f"{CANARY}-tail"]) == "see [removed]!"


def test_a_known_value_inside_another_does_not_go_first() -> None:
    """A value that ends like another leaves no head behind."""
    assert scrub_known(f"see abc-{CANARY}!", [CANARY, f"abc-{CANARY}"]) == "see [removed]!"


@pytest.mark.parametrize(("end", "left"), [("can", "can"), ("cana", "[removed]")])
def test_the_beginning_of_a_known_value_at_the_end_goes_from_four_characters_on(
    end: str, left: str
) -> None:
    """Where a text is cut off, three characters may as well be a word."""
    assert scrub_known(f"ends in {end}", [CANARY]) == f"ends in {left}"


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("Authorization", True),
        ("X-Api-Key", True),
        ("apiKey", True),
        ("vfxToken", True),
        ("clientId", True),
        ("Set-Cookie", True),
        ("X-Access-Key", True),
        ("private_key", True),
        ("jwt", True),
        ("client_secret", True),
        ("passphrase", True),
        ("credentials", True),
        ("sessionId", True),
        ("X-Signature", True),
        ("Idempotency-Key", False),
        ("Vfx-Correlation-Id", False),
        ("paymentId", False),
        ("X-Sub-Account-Id", False),
    ],
)
def test_names_tell_what_holds_a_credential(name: str, secret: bool) -> None:
    """Credentials are known by name; keys for repeats and ids are none."""
    assert names_a_secret(name) is secret


@given(st.text("abc [", max_size=50), st.text("xyz", min_size=4), st.text("abc ]", max_size=50))
def test_known_values_never_stay(before: str, secret: str, after: str) -> None:
    """Wherever a known value stands, nothing that could be told from it is left."""
    told = scrub_known(f"{before}{secret}{after}{secret[:-1]}", [secret])

    assert not re.search("[xyz]{4}", told)


WORDS = st.sampled_from(
    ["token", "apiKey", "is", "Bearer", ":", "=", "'", '"', "abc7", "[removed]", LONG, "/", "plain"]
)


@given(st.lists(WORDS | st.text(max_size=5), max_size=20), st.sampled_from(["", " "]))
def test_what_is_scrubbed_stays_as_it_is(words: list[str], between: str) -> None:
    """No text makes it fail, and scrubbed text is not scrubbed any further."""
    told = scrub(between.join(words))

    assert scrub(told) == told
