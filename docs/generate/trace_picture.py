"""Makes a call that is throttled, and draws its spans: ``python -m docs.generate.trace_picture``.

With ``--check`` it only says whether the picture that is there tells the same.
"""

import re
import sys
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

import requests
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import verto_resilience
from docs.generate.looks import sheet
from verto_resilience import Policy
from verto_resilience.testing import Reply, Sandbox

PLACE = Path(__file__).resolve().parents[1] / "pictures" / "trace.svg"

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW, _BAR = 860, 20, 20, 52, 58, 18
_SLOW = 0.15
_ATTEMPT: tuple[str, ...] = (
    "http.response.status_code",
    "http.request.resend_count",
    "verto.wait.source",
    "verto.retry_after",
)
_CALL: tuple[str, ...] = ("verto.call.outcome", "verto.call.attempts", "verto.call.end")


def spans() -> Sequence[ReadableSpan]:
    """Make the call, and give its spans in the order of their beginnings."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    policy = Policy(
        verto_hosts=("127.0.0.1",), server_error_wait_min=0.4, server_error_wait_max=0.5
    )
    with Sandbox() as verto, requests.Session() as session:
        session.trust_env = False
        replies = [Reply(429, retry_after=1, delay=_SLOW), Reply(503, delay=_SLOW)]
        verto.script("/orders/v2.1/fx", [*replies, Reply.ok(delay=_SLOW)])
        verto_resilience.mount(session, policy=policy)
        session.get(verto.url + "/orders/v2.1/fx?currencyFrom=USD&currencyTo=EUR")
    return sorted(exporter.get_finished_spans(), key=lambda span: span.start_time or 0)


def drawn(found: Sequence[ReadableSpan]) -> str:
    """Draw each span as a bar, the waits between attempts as broken lines."""
    scale = _Scale(found)
    bottom = _TOP + _ROW * len(found)
    parts = [f'<text class="title" x="{_LEFT}" y="26">One call, as its spans tell it</text>']
    parts += _time_axis(scale, bottom)
    attempts = [span for span in found if span.parent is not None]
    for number, span in enumerate(found):
        y = _TOP + number * _ROW
        if span in attempts[1:]:
            left = scale.x(attempts[attempts.index(span) - 1].end_time)
            parts.append(
                f'<line class="wait" x1="{left}" x2="{scale.x(span.start_time)}" '
                f'y1="{y + _BAR / 2}" y2="{y + _BAR / 2}"/>'
            )
        parts += _bar(span, scale, y)
    return sheet("A call, its attempts and its waits over time", _WIDTH, bottom + 32, parts)


class _Scale:
    """Turns instants into places."""

    def __init__(self, found: Sequence[ReadableSpan]) -> None:
        self.begins = min(span.start_time or 0 for span in found)
        self.ends = max(span.end_time or 0 for span in found)

    def x(self, instant: int | None) -> float:
        share = ((instant or 0) - self.begins) / (self.ends - self.begins)
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)


def _time_axis(scale: _Scale, bottom: float) -> list[str]:
    parts = []
    for half in range(int((scale.ends - scale.begins) / 5e8) + 1):
        x = scale.x(scale.begins + half * 500_000_000)
        parts += [
            f'<line class="grid" x1="{x}" x2="{x}" y1="{_TOP - 8}" y2="{bottom}"/>',
            f'<text class="quiet" x="{x}" y="{bottom + 18}" text-anchor="middle">',
            f"{half / 2:g} s</text>",
        ]
    return parts


def _bar(span: ReadableSpan, scale: _Scale, y: float) -> list[str]:
    left, right = scale.x(span.start_time), scale.x(span.end_time)
    attributes = span.attributes or {}
    if span.parent is None:
        look, shown = "call", _CALL
    else:
        good = attributes["http.response.status_code"] == HTTPStatus.OK
        look, shown = "good" if good else "bad", _ATTEMPT
    told = " · ".join(f"{key}={attributes[key]!s}" for key in shown if key in attributes)
    seconds = ((span.end_time or 0) - (span.start_time or 0)) / 1e9
    place = f'x="{left}"'
    if left > _WIDTH / 2:
        place = f'x="{_WIDTH - _RIGHT}" text-anchor="end"'
    return [
        (
            f'<rect class="{look}" x="{left}" y="{y}" width="{max(3.0, right - left):.1f}" '
            f'height="{_BAR}" rx="3"/>'
        ),
        (
            f'<text {place} y="{y + _BAR + 16}"><tspan class="strong">{span.kind.name} {span.name}'
            f"</tspan> {seconds:.2f} s</text>"
        ),
        f'<text class="quiet" {place} y="{y + _BAR + 31}">{told}</text>',
    ]


def _told(drawing: str) -> list[str]:
    """Give what a drawing says, without how long anything took."""
    texts = re.findall(r">([^<>]+)<", drawing.partition("</style>")[2])
    return [text for text in texts if text.strip() and not re.fullmatch(r"\s*[\d.]+ s", text)]


def main(*, check: bool) -> int:
    """Draw a call that is made now; or say whether the picture tells the same of another one."""
    wanted = drawn(spans())
    if check:
        same = PLACE.is_file() and _told(PLACE.read_text(encoding="utf-8")) == _told(wanted)
        print("" if same else f"{PLACE.name}: behind the code; run make pictures", end="")
        return 0 if same else 1
    PLACE.write_text(wanted, encoding="utf-8")
    print(f"{PLACE.name}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
