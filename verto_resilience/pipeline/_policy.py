"""Every setting: what it means, its unit, its range and its default; checked as a whole.

This is the one table of settings. The environment's variables, the documentation and the command
line are rendered from it (see :func:`settings_table`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from typing import Any, Self

from verto_resilience.errors import ConfigurationError
from verto_resilience.machines import BreakerSettings, BudgetSettings, Mode, PauseSettings
from verto_resilience.outcome import DEFAULT_CODE_KEYS
from verto_resilience.pipeline._given import Called, as_given, problems, taken
from verto_resilience.pipeline._settings import Setting, Unit, nearest, rows, setting
from verto_resilience.pipeline._store import Secret, StoreAddress


class CallSpan(StrEnum):
    """When a call gets an INTERNAL span of its own around those of its attempts."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Beside(StrEnum):
    """What to do below an instrumentation that draws the HTTP request already.

    ``DEFER``: attempts are INTERNAL spans without any ``http.*``, the duration metric and the trace
    headers are left to the other; and so it is with urllib3's instrumentation, further down, where
    it calls hooks of the program. ``NEST``: attempts are CLIENT spans below the other's, with trace
    headers of their own; service maps count the request twice. ``TAKEOVER``: the other is switched
    off for the session when it is mounted; where that cannot be done, as ``DEFER``. ``SILENT``: no
    spans.
    """

    DEFER = "defer"
    NEST = "nest"
    TAKEOVER = "takeover"
    SILENT = "silent"


class IdempotencyKeys(StrEnum):
    """Whose ``Idempotency-Key`` a write on a Verto host carries, and whether it counts.

    ``CALLER``: the caller's own. ``AUTO``: the caller's own; without one, a new one for each call
    of an operation that a key makes repeatable. ``OFF``: none is added, and the caller's own, which
    is still sent, makes nothing repeatable.
    """

    CALLER = "caller"
    AUTO = "auto"
    OFF = "off"


class CircuitKey(StrEnum):
    """What has a circuit of its own."""

    ORIGIN = "origin"
    OPERATION = "operation"


_LONGEST = 86_400.0


def _naming_strangers(policy: "type[Policy]") -> "type[Policy]":
    """Have an unknown name told with the nearest that there is, and with all else that is wrong."""
    plain = policy.__init__

    @wraps(plain)
    def init(self: "Policy", *args: Any, **settings: Any) -> None:
        if not settings.keys() <= policy.__dataclass_fields__.keys():
            # It raises, for it tells of every name that is no setting.
            policy.of(settings)
        plain(self, *args, **settings)

    policy.__init__ = init  # type: ignore[method-assign]
    return policy


@_naming_strangers
@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How calls are sent, resent, paused and refused.

    Seconds may be given as numbers or as :class:`~datetime.timedelta`, the store and its password
    as text; both are kept so that no repr shows a secret.

    Raises:
        ConfigurationError: One error that lists every unknown name, every bad value and every
            impossible combination.
    """

    __module__ = "verto_resilience"

    disabled: bool = setting(
        False, Unit.FLAG, "Kill switch: requests go straight to the inner adapter."
    )
    install: bool = setting(
        False,
        Unit.FLAG,
        "Whether opentelemetry-instrument mounts it on every session of the process; "
        "verto-resilience run sets it for one command.",
    )
    policy_file: str | None = setting(
        None,
        Unit.PATH,
        "TOML file with settings, and with others for single origins; variables go before it.",
        optional=True,
    )
    max_attempts: int = setting(
        3, Unit.COUNT, "Sends of one call at the most, the first included.", low=1, high=10
    )
    call_timeout: float = setting(
        60.0,
        Unit.SECONDS,
        "Time after which a call starts nothing new: no attempt, no wait.",
        low=0,
        high=_LONGEST,
        above=True,
    )
    connect_timeout: float | None = setting(
        3.05,
        Unit.SECONDS,
        "Connect timeout of an attempt whose caller gave none.",
        low=0,
        high=_LONGEST,
        above=True,
        optional=True,
    )
    read_timeout: float | None = setting(
        30.0,
        Unit.SECONDS,
        "Read timeout of an attempt whose caller gave none.",
        low=0,
        high=_LONGEST,
        above=True,
        optional=True,
    )
    backoff_base: float = setting(
        0.5,
        Unit.SECONDS,
        "Longest wait before the first resend; doubled for each further one, full jitter.",
        low=0,
        high=_LONGEST,
        above=True,
    )
    backoff_limit: float = setting(
        30.0, Unit.SECONDS, "The doubling stops here.", low=0, high=_LONGEST, above=True
    )
    server_error_wait_min: float = setting(
        5.0,
        Unit.SECONDS,
        "Shortest wait after a 5xx of a Verto host (5 to 10 s is what Verto documents).",
        low=0,
        high=_LONGEST,
    )
    server_error_wait_max: float = setting(
        10.0, Unit.SECONDS, "Longest wait after a 5xx of a Verto host.", low=0, high=_LONGEST
    )
    max_pause: float = setting(
        300.0,
        Unit.SECONDS,
        "Longest time that one Retry-After keeps an origin paused for every call.",
        low=0,
        high=_LONGEST,
        above=True,
    )
    pause_ramp: float = setting(
        5.0,
        Unit.SECONDS,
        "Calls that waited for a pause are let go over this time, never before its end.",
        low=0,
        high=60,
    )
    budget_capacity: float = setting(
        10.0, Unit.TOKENS, "Resends an origin may get at once.", low=1, high=1_000_000
    )
    budget_deposit: float = setting(
        0.2, Unit.TOKENS, "Share of a resend that each call earns.", low=0, high=1
    )
    budget_trickle: float = setting(
        0.1, Unit.TOKENS, "Resends earned by each second that passes.", low=0, high=1000
    )
    breaker_mode: Mode = setting(
        Mode.ENFORCE,
        Unit.CHOICE,
        "How far circuits are obeyed; observe_only: they count and refuse nothing; forced_open: "
        "they refuse every call; off: they do not even count.",
    )
    circuit_key: CircuitKey = setting(
        CircuitKey.ORIGIN, Unit.CHOICE, "What has a circuit of its own."
    )
    window: float = setting(
        30.0, Unit.SECONDS, "Time looked back on for rates.", low=1, high=_LONGEST
    )
    window_buckets: int = setting(
        10, Unit.COUNT, "Parts of the window; the oldest leaves as a whole.", low=1, high=100
    )
    minimum_calls: int = setting(
        10, Unit.COUNT, "Calls in the window before a rate may open a circuit.", low=1, high=10**6
    )
    failure_rate_threshold: float = setting(
        0.5,
        Unit.FRACTION,
        "Share of failures in the window that opens a circuit.",
        low=0,
        high=1,
        above=True,
    )
    consecutive_failures: int | None = setting(
        5,
        Unit.COUNT,
        "Failures in a row that open a circuit.",
        low=1,
        high=10**6,
        optional=True,
    )
    slow_call_duration: float | None = setting(
        None,
        Unit.SECONDS,
        "An attempt that takes this long is slow, also while it is still out.",
        low=0,
        high=_LONGEST,
        above=True,
        optional=True,
    )
    slow_call_rate_threshold: float = setting(
        0.5,
        Unit.FRACTION,
        "Share of slow calls in the window that opens a circuit.",
        low=0,
        high=1,
        above=True,
    )
    break_duration: float = setting(
        5.0, Unit.SECONDS, "Time a circuit stays open.", low=0, high=_LONGEST, above=True
    )
    break_growth: float = setting(
        2.0, Unit.FACTOR, "Each break in a row is longer by this factor.", low=1, high=10
    )
    max_break_duration: float = setting(
        300.0, Unit.SECONDS, "The growth stops here.", low=0, high=_LONGEST, above=True
    )
    break_jitter: float = setting(
        0.2, Unit.FRACTION, "Share of a break that chance may take off it.", low=0, high=1
    )
    break_decay: float = setting(
        60.0,
        Unit.SECONDS,
        "Time closed that takes one step of the growth back.",
        low=0,
        high=_LONGEST,
        above=True,
    )
    permitted_probes: int = setting(
        1, Unit.COUNT, "Probes out at once while half-open.", low=1, high=100
    )
    successes_to_close: int = setting(
        2, Unit.COUNT, "Good probes that close a circuit.", low=1, high=100
    )
    probe_lease: float = setting(
        60.0,
        Unit.SECONDS,
        "Time after which a probe that is still out makes room for another; its result counts.",
        low=0,
        high=_LONGEST,
        above=True,
    )
    max_origins: int = setting(
        1000, Unit.COUNT, "Origins remembered; the idlest leaves first.", low=1, high=10**6
    )
    drain_limit: int = setting(
        65_536,
        Unit.BYTES,
        "A response that is not returned is read up to here, so that its connection is kept.",
        low=0,
        high=2**30,
    )
    error_body_limit: int = setting(
        65_536,
        Unit.BYTES,
        "An error body up to this size is searched for an API error code.",
        low=0,
        high=2**24,
    )
    code_keys: tuple[str, ...] = setting(
        DEFAULT_CODE_KEYS,
        Unit.NAMES,
        "JSON keys looked at for the API error code; Verto does not document one.",
    )
    catalogue: str | None = setting(
        None,
        Unit.PATH,
        "TOML file with statuses and API error codes that are merged over the documented ones.",
        optional=True,
    )
    operations: str | None = setting(
        None,
        Unit.PATH,
        "TOML file with operations, and whether they may be resent, that go before those known.",
        optional=True,
    )
    verto_hosts: tuple[str, ...] = setting(
        ("vertofx.com", "vertofx.dev", "verto.co"),
        Unit.HOSTS,
        "Domains, subdomains included, that get Verto's headers and its 5 to 10 s band.",
    )
    insecure_hosts: tuple[str, ...] = setting(
        (),
        Unit.HOSTS,
        "Verto hosts, by their exact names, that may be called over http:// or without checking "
        "their certificate; loopback addresses always may.",
    )
    correlation_ids: bool = setting(
        True, Unit.FLAG, "Add a Vfx-Correlation-Id on Verto hosts when the caller sent none."
    )
    idempotency_keys: IdempotencyKeys = setting(
        IdempotencyKeys.CALLER,
        Unit.CHOICE,
        "Whose Idempotency-Key makes a write repeatable; auto: on Verto hosts one is made for each "
        "call that a key makes repeatable; off: nobody's.",
    )
    call_span: CallSpan = setting(
        CallSpan.AUTO,
        Unit.CHOICE,
        "Whether a call gets an INTERNAL span; auto: only where no span is current.",
    )
    beside: Beside = setting(
        Beside.DEFER,
        Unit.CHOICE,
        "What to do below an instrumentation that draws the request already.",
    )
    propagate_to: tuple[str, ...] | None = setting(
        None,
        Unit.HOSTS,
        "Domains, subdomains included, that get trace headers; none means every one.",
        optional=True,
    )
    allowed_query: tuple[str, ...] = setting(
        (), Unit.NAMES, "Query keys whose values may stand in url.full; all others are redacted."
    )

    store: StoreAddress | str | None = setting(
        None,
        Unit.STORE,
        "Redis or Valkey through which processes tell each other what they have found out.",
        optional=True,
    )
    store_namespace: str = setting(
        "default", Unit.NAME, "Which processes share one store's verdicts: those with the same."
    )
    store_username: str | None = setting(
        None, Unit.NAME, "ACL user of the store, in place of the address's.", optional=True
    )
    store_password: Secret | str | None = setting(
        None, Unit.SECRET, "Password of the store, in place of the address's.", optional=True
    )
    store_poll: float = setting(
        1.0,
        Unit.SECONDS,
        "Time after which the store is looked at although it has said nothing.",
        low=0.1,
        high=60,
    )

    def __post_init__(self) -> None:
        """Take timedeltas, paths, lists and names as what they stand for, then check the whole."""
        _refuse(self._take(as_given))

    @classmethod
    def of(cls, values: Mapping[str, Any], called: Called | None = None) -> Self:
        """Build one from names and values, naming what is no setting.

        Args:
            values: By setting; what is not there has its default.
            called: Gives the words for a setting and its value, for values that cannot go
                together; the name and the value by default.

        Raises:
            ConfigurationError: Unknown names, bad values, impossible combinations.
        """
        known = {row.name: row.default for row in settings_table()}
        unknown = [_unknown(name, known) for name in sorted(set(values) - set(known))]
        policy = object.__new__(cls)
        for name, default in known.items():
            object.__setattr__(policy, name, values.get(name, default))
        _refuse([*unknown, *policy._take(called or as_given)])
        return policy

    def breaker_settings(self) -> BreakerSettings:
        """Give the part that circuit breakers read."""
        return BreakerSettings(
            window=self.window,
            buckets=self.window_buckets,
            minimum_calls=self.minimum_calls,
            failure_rate_threshold=self.failure_rate_threshold,
            consecutive_failures=self.consecutive_failures,
            slow_call_duration=self.slow_call_duration,
            slow_call_rate_threshold=self.slow_call_rate_threshold,
            break_duration=self.break_duration,
            break_growth=self.break_growth,
            max_break_duration=self.max_break_duration,
            break_jitter=self.break_jitter,
            break_decay=self.break_decay,
            permitted_probes=self.permitted_probes,
            successes_to_close=self.successes_to_close,
            probe_lease=self.probe_lease,
        )

    def pause_settings(self) -> PauseSettings:
        """Give the part that pauses read."""
        return PauseSettings(
            max_pause=self.max_pause,
            ramp=self.pause_ramp,
            backoff_base=self.backoff_base,
            backoff_limit=self.backoff_limit,
        )

    def budget_settings(self) -> BudgetSettings:
        """Give the part that retry budgets read."""
        return BudgetSettings(
            capacity=self.budget_capacity,
            deposit=self.budget_deposit,
            trickle=self.budget_trickle,
        )

    def _take(self, called: Called) -> list[str]:
        """Keep what the values stand for, and list what is wrong with them."""
        table = settings_table()
        values = {row.name: taken(row, getattr(self, row.name)) for row in table}
        for name, value in values.items():
            object.__setattr__(self, name, value)
        return problems(table, values, called)


def _unknown(name: str, known: Collection[str]) -> str:
    near = nearest(name, known)
    return f"{name} is no setting" + (f"; did you mean {near}?" if near else "")


def _refuse(faults: list[str]) -> None:
    if faults:
        raise ConfigurationError("policy: " + "; ".join(faults), problems=tuple(faults))


_TABLE = rows(Policy)


def settings_table() -> tuple[Setting, ...]:
    """Give the row of every setting, in the order in which a person should read them."""
    return _TABLE
