"""httpx with a transport of ours: the same client, in threads and in tasks.

Run against the sandbox: it throttles the first read, breaks the body of the second, and loses the
answer to a trade that it has booked.
"""

import asyncio

import httpx

import verto_resilience
from verto_resilience.testing import Fault, Reply, Sandbox

WALLETS = "/profile/v2.1/wallets"
TRADES = "/orders/v2.1/fx"
# Loopback counts as Verto's, so that what Verto documents holds for it; waits of 5 s are for users.
POLICY = verto_resilience.Policy(
    verto_hosts=("127.0.0.1",), server_error_wait_min=0.1, server_error_wait_max=0.2
)


def read_in_a_thread(verto: Sandbox) -> None:
    """Read twice: through a 429, and through a body that breaks off."""
    transport = verto_resilience.VertoTransport(policy=POLICY)
    with httpx.Client(transport=transport, base_url=verto.url) as client:
        for scripted in (Reply(429, retry_after=1), Reply.ok(fault=Fault.TRUNCATED)):
            verto.script(WALLETS, [scripted])
            response = client.get(WALLETS)
            print(verto_resilience.report(response))


async def trade_in_a_task(verto: Sandbox) -> None:
    """Trade once: whether it was booked is not known, and it is not sent again."""
    transport = verto_resilience.AsyncVertoTransport(policy=POLICY)
    verto.script(TRADES, [Reply.ok(fault=Fault.RESET)])
    async with httpx.AsyncClient(transport=transport, base_url=verto.url) as client:
        try:
            await client.post(TRADES, json={"vfxToken": "quote-1", "amount": 100.0})
        except httpx.TransportError as error:
            print(type(error).__name__)
            print(verto_resilience.report(error))


def main() -> None:
    """Read and trade."""
    with Sandbox() as verto:
        read_in_a_thread(verto)
        asyncio.run(trade_in_a_task(verto))
        print("trades sent", sum(arrival.method == "POST" for arrival in verto.log))


if __name__ == "__main__":
    main()
