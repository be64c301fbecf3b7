"""An SDK that brings its own session: Stripe's, given one that is mounted.

Needs the package stripe. The server is a sandbox on this machine, which answers as it is told to.
"""

import requests
import stripe

import verto_resilience
from verto_resilience.testing import Reply, Sandbox

CUSTOMER = {"id": "cus_1", "object": "customer"}


def main() -> None:
    """Create a customer while the server has a bad moment."""
    with Sandbox() as server, requests.Session() as session:
        server.script("/v1/customers", [503, Reply(200, json=CUSTOMER)])
        verto_resilience.mount(session, policy=verto_resilience.Policy(backoff_base=0.05))

        client = stripe.StripeClient(
            "sk_test_1",
            base_addresses={"api": server.url},
            http_client=stripe.RequestsClient(session=session),
            max_network_retries=0,  # else its resends and the adapter's multiply
        )
        customer = client.v1.customers.create({"email": "a@example.com"})

        keys = {arrival.headers["Idempotency-Key"] for arrival in server.log}
        print("created", customer.id)
        print("sent", len(server.log), "times, under", len(keys), "Idempotency-Key")


if __name__ == "__main__":
    main()
