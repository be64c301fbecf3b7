"""How long to wait before a resend when the server did not say; arithmetic on numbers given."""

_MOST_DOUBLINGS = 64


def exponential(resend: int, *, base: float, limit: float) -> float:
    """Give the ceiling of the wait before this resend.

    Args:
        resend: 1 for the first resend, then 2, 3, ...
        base: Seconds before the first resend.
        limit: Seconds never exceeded.

    Returns:
        ``base`` doubled for each earlier resend, in seconds.
    """
    # 2.0 ** 1025 raises OverflowError; far fewer doublings already exceed any limit.
    return min(limit, base * 2.0 ** min(resend - 1, _MOST_DOUBLINGS))


def full_jitter(resend: int, *, base: float, limit: float, chance: float) -> float:
    """Spread the wait evenly from 0 to its ceiling (``chance`` from 0 up to 1).

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    return chance * exponential(resend, base=base, limit=limit)


def within(low: float, high: float, *, chance: float) -> float:
    """Give a wait inside a band: ``low`` at chance 0, towards ``high`` at chance 1."""
    return low + (high - low) * chance
