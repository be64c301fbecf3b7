"""The machines: each decides one thing, takes ``now`` as an argument, and knows no other."""

from verto_resilience.machines._backoff import exponential, full_jitter, within
from verto_resilience.machines._breaker import MOVES, CircuitBreaker
from verto_resilience.machines._budget import BudgetSettings, RetryBudget
from verto_resilience.machines._circuit import (
    BreakerSettings,
    CircuitSnapshot,
    Mode,
    Permit,
    Refusal,
    State,
    Transition,
    Trigger,
    TripReason,
    Verdict,
)
from verto_resilience.machines._pause import Pause, PauseSettings, PauseSnapshot, Pausing
from verto_resilience.machines._window import Window

__all__ = [
    "MOVES",
    "BreakerSettings",
    "BudgetSettings",
    "CircuitBreaker",
    "CircuitSnapshot",
    "Mode",
    "Pause",
    "PauseSettings",
    "PauseSnapshot",
    "Pausing",
    "Permit",
    "Refusal",
    "RetryBudget",
    "State",
    "Transition",
    "Trigger",
    "TripReason",
    "Verdict",
    "Window",
    "exponential",
    "full_jitter",
    "within",
]
