"""Whose turn it is to try an origin: leases of probes, at the end of a break and before it.

Used by the thread of the store alone. What it calls on circuits takes no longer than a call does.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from verto_resilience.machines import CircuitBreaker
from verto_resilience.pipeline import Origin, StoreFault
from verto_resilience.state._link import Link, LinkError
from verto_resilience.state._member import Member
from verto_resilience.state._records import Record, read_record
from verto_resilience.state._scripts import CLAIM, GIVE_BACK

LEASE = 3.0
"""Seconds for which a process may probe alone, unless it renews them."""

GRACE = 1.0
"""Seconds after which a process probes although nobody gave it leave."""

NEVER = math.inf
"""When to come again: when there is news."""

_RENEW = 1.0
_UNUSED = 1.0
_RECENT = 1.0
_LOOK_AGAIN = 0.1


@dataclass(slots=True, eq=False)
class Watch:
    """A circuit that is not closed, or has something to say.

    Attributes:
        member: Whose it is.
        origin: Its origin.
        key: Its key.
        breaker: Itself.
        ends: Monotonic seconds at which its break ends.
        leased_at: When this process was last given the lease; ``None`` when it has none.
        given_back_at: When it gave the lease back unused.
        taken_until: End of another's lease.
    """

    member: Member
    origin: Origin
    key: str
    breaker: CircuitBreaker
    ends: float = -math.inf
    leased_at: float | None = None
    given_back_at: float = -math.inf
    taken_until: float = -math.inf


class Turns:
    """The turns of one process among those of its fleet.

    Args:
        process: Its name in leases.
        spread: From 0 up to 1, another for each process, so that they do not act in step.
        go_by: Takes in a newer verdict with which the store has answered: the value, the store's
            clock in milliseconds, and this process's.
    """

    def __init__(
        self,
        process: str,
        *,
        spread: float,
        go_by: Callable[[Watch, bytes, int, float], None],
    ) -> None:
        """Have no lease."""
        self._process = process
        self.grace = GRACE * (1.0 + spread / 2.0)
        self._go_by = go_by

    def owner(self, watch: Watch) -> str:
        """Give the name of a circuit's registry in leases."""
        return f"{self._process}/{watch.member.number}"

    def hear(self, watch: Watch, lease: Record | None) -> None:
        """Go by the lease that the store holds."""
        others = lease is not None and lease.about.by != self.owner(watch)
        # A longer one than anybody is given is a stranger's, or of a clock that was set back.
        others = others and lease is not None and lease.left <= LEASE
        watch.taken_until = lease.until if lease is not None and others else -math.inf
        watch.breaker.hold_opinions(watch.taken_until)

    def go_alone(self, watch: Watch) -> None:
        """Have it probe by itself, and leave the verdict in force as it is."""
        watch.leased_at = None
        watch.taken_until = -math.inf
        watch.breaker.hold_probes(-math.inf)
        watch.breaker.hold_opinions(math.inf)

    def await_the_end(self, watch: Watch, end: float) -> float:
        """Let nobody here probe when the break ends, before somebody has the lease.

        Returns:
            When to come again (monotonic seconds).
        """
        watch.ends = end
        watch.leased_at = None
        watch.breaker.hold_probes(end + self.grace)
        return end

    def before_a_probe(self, link: Link, watch: Watch, now: float) -> float:
        """See to the lease of a circuit whose break is over.

        Returns:
            When to come again (monotonic seconds).
        """
        breaker = watch.breaker
        if watch.leased_at is not None:
            unused = watch.leased_at + _UNUSED
            if now < unused:
                return unused
            self.give_back(link, watch, now)
        if now < watch.taken_until:
            breaker.hold_probes(watch.taken_until + self.grace)
            return watch.taken_until
        last = breaker.asked_at
        if last > now - _RECENT and last > watch.given_back_at:
            self._claim(link, watch, now)
            return now + _LOOK_AGAIN
        return now + _LOOK_AGAIN if now < watch.ends + self.grace else NEVER

    def while_probing(self, link: Link, watch: Watch, now: float) -> float | None:
        """See to the lease of a circuit that is half-open.

        Returns:
            When to come again (monotonic seconds); ``None`` when nobody has come to probe. Its next
            move is news.
        """
        breaker = watch.breaker
        if now > breaker.busy_until() and breaker.asked_at <= now - _RECENT:
            if watch.leased_at is not None:
                self.give_back(link, watch, now)
            return None
        is_used = breaker.snapshot(now).probes > 0 or breaker.asked_at > now - _RECENT
        if watch.leased_at is None:
            if is_used and now >= watch.taken_until:
                self._claim(link, watch, now)
        elif not is_used:
            self.give_back(link, watch, now)
        elif now >= watch.leased_at + _RENEW:
            self._claim(link, watch, now)
        return now + (_LOOK_AGAIN if watch.leased_at is None else _RENEW)

    def give_back(self, link: Link, watch: Watch, now: float) -> None:
        """Let another have the lease."""
        watch.leased_at = None
        watch.given_back_at = now
        link.run(GIVE_BACK, link.key, watch.key, self.owner(watch))

    def _claim(self, link: Link, watch: Watch, now: float) -> None:
        doubts_until = watch.breaker.doubts_until
        is_early = now < doubts_until
        generation, server_now, *rest = link.run(
            CLAIM,
            link.key,
            watch.key,
            watch.breaker.heard,
            self.owner(watch),
            round(LEASE * 1000.0),
            int(is_early),
        )
        watch.leased_at = None
        if generation > 0:
            watch.leased_at = now
            watch.breaker.hold_probes(doubts_until + self.grace if is_early else -math.inf)
        elif generation == 0:
            self._go_by(watch, rest[0], server_now, now)
        elif rest:
            lease = read_record(f"l:{watch.key}".encode(), rest[0], server_now=server_now, now=now)
            watch.taken_until = now + LEASE if lease is None else min(lease.until, now + LEASE)
            watch.breaker.hold_probes(watch.taken_until + self.grace)
        else:
            raise LinkError(StoreFault.FULL)
