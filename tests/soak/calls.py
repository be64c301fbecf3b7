"""What an application does all day, at random: reads, writes, streams, bodies of every kind."""

import random
from collections.abc import Iterator

import requests

TIMEOUT = (1.0, 0.5)


def call(session: requests.Session, origins: list[str], chance: random.Random) -> str:
    """Make one call; gives what came of it: a status, or the name of a requests' exception."""
    url = chance.choice(origins) + _path(chance)
    try:
        return str(_ask(session, url, chance))
    except requests.exceptions.RequestException as error:
        return type(error).__name__


def _ask(session: requests.Session, url: str, chance: random.Random) -> int:
    kind = chance.randrange(8)
    if kind == 0:
        key = {"Idempotency-Key": f"key-{chance.random()}"}
        return session.post(url, json={"amount": 1}, headers=key, timeout=TIMEOUT).status_code
    if kind == 1:
        return session.post(url, data=b"x" * 50_000, timeout=TIMEOUT).status_code
    if kind == 2:
        return session.put(url, data=_pieces(), timeout=TIMEOUT).status_code
    if kind == 3:
        with session.get(url, stream=True, timeout=TIMEOUT) as response:
            next(response.iter_content(10), None)
            return response.status_code
    if kind == 4:
        with session.get(url, stream=True, timeout=TIMEOUT) as response:
            for _ in response.iter_content(16_384):
                pass
            return response.status_code
    return session.get(
        url, params={"searchQuery": str(chance.random())}, timeout=TIMEOUT
    ).status_code


def _path(chance: random.Random) -> str:
    number = chance.randrange(10**9)
    paths = (
        "/orders/v2.1/fx",
        f"/payments/{number}",
        "/profile/v2.1/wallets",
        f"/no/such/{number}",
    )
    return chance.choice(paths)


def _pieces() -> Iterator[bytes]:
    for _ in range(3):
        yield b"piece" * 100
