"""A program that exports all its telemetry by OTLP: spans, metrics and logs of a short traffic.

Run as a script with the address of a receiver. It says on standard output what the server saw.
"""

import json
import logging
import sys
import warnings

import requests
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import verto_resilience
from verto_resilience import Policy
from verto_resilience.testing import Arrival, Reply, Sandbox

SECRET = "canary-7d1f"
QUICK = Policy(
    backoff_base=0.02,
    backoff_limit=0.1,
    pause_ramp=0.0,
    budget_capacity=4.0,
    verto_hosts=("127.0.0.1",),
    server_error_wait_min=0.0,
    server_error_wait_max=0.02,
)


def main(receiver: str) -> None:
    """Set up an SDK as a program does, make the traffic, and send all that is left."""
    resource = Resource.create({"service.name": "shop", "service.version": "7"})
    spans = TracerProvider(resource=resource)
    spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{receiver}/v1/traces")))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{receiver}/v1/metrics"))
    numbers = MeterProvider([reader], resource=resource)
    records = LoggerProvider(resource=resource)
    exporter = OTLPLogExporter(f"{receiver}/v1/logs")
    records.add_log_record_processor(BatchLogRecordProcessor(exporter))
    trace.set_tracer_provider(spans)
    metrics.set_meter_provider(numbers)
    with warnings.catch_warnings():
        # Its successor lives in a package that pins the version of the whole SDK.
        warnings.simplefilter("ignore", DeprecationWarning)
        handler = LoggingHandler(logger_provider=records)
    logging.getLogger("verto_resilience").addHandler(handler)
    logging.getLogger("verto_resilience").setLevel(logging.INFO)
    with Sandbox() as verto, requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {SECRET}"
        make_traffic(verto, verto_resilience.mount(session, policy=QUICK))
        seen = [_plain(arrival) for arrival in verto.log]
        for provider in (spans, numbers, records):
            provider.shutdown()
    print(json.dumps({"port": verto.port, "arrivals": seen}))


def make_traffic(verto: Sandbox, session: requests.Session) -> None:
    """Make a call that needs resends, an API error, a write in vain, an outage."""
    tracer = trace.get_tracer("shop")
    quote = f"{verto.url}/orders/v2.1/fx?currencyFrom=USD&currencyTo=EUR&token={SECRET}"
    verto.script(None, [503, 429])
    session.get(quote)
    session.get(f"{verto.url}/status/400?code=2&token={SECRET}")
    verto.script("/fx/payments", [Reply(504, executes=True)])
    with tracer.start_as_current_span("checkout"):
        session.post(f"{verto.url}/fx/payments", json={"paymentId": SECRET, "amount": 1})
    verto.script(None, [503], repeat=True)
    for _ in range(4):
        try:
            session.get(quote)
        except requests.exceptions.ConnectionError:
            continue


def _plain(arrival: Arrival) -> dict[str, object]:
    return {"status": arrival.status, "traceparent": arrival.headers.get("traceparent")}


if __name__ == "__main__":
    main(sys.argv[1])
