import pickle
from dataclasses import FrozenInstanceError, fields, replace

import pytest

from tests.transports.responses import attempt
from verto_resilience.outcome import Category, Failure
from verto_resilience.pipeline import End
from verto_resilience.transports import CallOutcome

FULL = CallOutcome(
    asked="POST https://api.example.com/fx/payments",
    status=409,
    status_message="Conflict",
    status_meaning="The request conflicts with the server's current state.",
    category=Category.CLIENT_ERROR,
    documented=True,
    code=4711,
    code_meaning="Duplicate paymentId",
    message="paymentId was used",
    call_id="call-1",
    stack_id="stack-1",
    correlation_id="sent-1",
    correlation_id_received="received-1",
    idempotency_key="key-1",
    attempts=(attempt(1, 503), attempt(2, 409, waited=6.25)),
    end=End.ANSWERED,
    ambiguous=True,
    possibly_executed=True,
)


def test_a_person_reads_what_happened_and_what_to_do() -> None:
    """What was asked and answered, its meaning, what is in doubt, what was tried, what to quote."""
    assert str(FULL).splitlines() == [
        "POST https://api.example.com/fx/payments: 409 Conflict; outcome unknown",
        "  The request conflicts with the server's current state.",
        "  The server says: API error code 4711 (Duplicate paymentId),",
        '    "paymentId was used"',
        "  An earlier attempt of this call may have been executed, and this answer may be",
        "    about that: reconcile before doing it again.",
        "  2 attempts: 503, then after 6.25 s (backoff) 409.",
        "  Idempotency-Key: key-1",
        "  Quote to Verto's support:",
        "    Vfx-Api-Call-Id call-1",
        "    Vfx-Api-Stack-Id stack-1",
        "    Vfx-Correlation-Id sent-1",
        "    Vfx-Correlation-Id received received-1",
    ]


@pytest.mark.parametrize(
    ("outcome", "lines"),
    [
        (CallOutcome(), ["no answer"]),
        (
            CallOutcome(asked="GET /a", end=End.CIRCUIT_OPEN, retry_after=4.5),
            ["GET /a: not sent: the circuit of the origin is open", "  Asked to wait 4.5 s."],
        ),
        (
            CallOutcome(
                category=Category.TRANSPORT,
                failure=Failure.READ_TIMEOUT,
                attempts=(attempt(1, Failure.READ_TIMEOUT),),
                end=End.BUDGET_SPENT,
                ambiguous=True,
            ),
            [
                "no usable answer (read_timeout); outcome unknown",
                "  The server may have executed it: reconcile before doing it again.",
                "  1 attempt: read_timeout.",
                "  Not sent again: the retry budget of the origin is empty.",
            ],
        ),
        (
            CallOutcome(status=418, category=Category.CLIENT_ERROR, code=7),
            [
                "418",
                "  Verto does not document this status: it is treated as its class.",
                "  The server says: API error code 7 (not in the catalogue)",
            ],
        ),
        (
            CallOutcome(
                status=200,
                status_message="OK",
                status_meaning="The request succeeded.",
                category=Category.API_FAILURE,
                message="No funds",
                correlation_id="same",
                correlation_id_received="same",
            ),
            [
                '200 OK, but the body says "success": false',
                '  The server says: "No funds"',
                "  Quote to Verto's support:",
                "    Vfx-Correlation-Id same",
            ],
        ),
    ],
    ids=["nothing", "refused", "failed", "undocumented", "denied"],
)
def test_only_what_is_known_is_told(outcome: CallOutcome, lines: list[str]) -> None:
    """No line speaks of what there is not."""
    assert str(outcome).splitlines() == lines


def test_a_long_wait_is_told_in_plain_digits() -> None:
    """An hour is 3600 s, and no power of ten."""
    outcome = CallOutcome(attempts=(attempt(1, 503, waited=1234.5),), retry_after=3600.0)

    assert str(outcome).splitlines()[-2:] == [
        "  1 attempt: after 1234 s (backoff) 503.",
        "  Asked to wait 3600 s.",
    ]


def test_a_terminal_of_80_columns_is_wide_enough() -> None:
    """What is long for its kind alone (many attempts, identifiers) stands on several lines."""
    identifier = "c2dbd957-224d-4135-8794-9c711474de5e"
    outcome = replace(
        FULL,
        call_id=identifier,
        stack_id=identifier,
        correlation_id=identifier,
        correlation_id_received=identifier.upper(),
        attempts=tuple(attempt(number, 503, waited=6.25) for number in range(1, 11)),
        end=End.DEADLINE,
    )

    lines = str(outcome).splitlines()

    assert max(map(len, lines)) <= 80
    assert sum(line.count("503") for line in lines) == 10


def test_it_is_a_value() -> None:
    """It does not change, compares by what it holds, and pickles."""
    copy = pickle.loads(pickle.dumps(FULL))  # noqa: S301 - made here

    assert copy == FULL
    with pytest.raises(FrozenInstanceError):
        copy.status = 200
    assert all(getattr(CallOutcome(), f.name) in ("", None, (), False) for f in fields(FULL))
