"""What is allowed and yet may not be meant: worth a word to whoever looks at the settings."""

from verto_resilience.pipeline import Policy


def notes(policy: Policy) -> dict[str, str]:
    """Give a sentence for each setting that takes something away which nobody may expect.

    Returns:
        Sentences by setting.
    """
    left_out = [
        host
        for host in Policy().verto_hosts
        if not any(host == own or host.endswith(f".{own}") for own in _lower(policy.verto_hosts))
    ]
    if not left_out:
        return {}
    return {
        "verto_hosts": (
            f"The list takes the place of the default: {', '.join(left_out)} and what is below "
            "are hosts like any other now, without Verto's headers, operations, waits and "
            "the demand for TLS."
        )
    }


def _lower(names: tuple[str, ...]) -> list[str]:
    return [name.lower() for name in names]
