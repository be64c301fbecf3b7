"""Whether the store that the settings name can be used."""

from collections.abc import Iterator

from verto_resilience.cli._finding import Finding, State
from verto_resilience.config import lacking, load_policy, place_of
from verto_resilience.errors import ConfigurationError
from verto_resilience.pipeline import Policy, StoreFault
from verto_resilience.state import LinkError, try_store


def check_store() -> Iterator[Finding]:
    """Write to the store what changes nothing, and read it; where none is named, ask nobody."""
    try:
        policy = load_policy()
        fault = fault_of_store(policy)
    except ConfigurationError as error:
        # What is wrong with the settings is told where they are checked.
        if str(error).startswith("the store"):
            yield Finding("store", State.WRONG, str(error))
        return
    place = place_of(policy)
    if place is None:
        return
    where = f"{place.address}, namespace {place.namespace}"
    if fault is None:
        yield Finding("store", State.OK, f"{where}: it can be used")
    else:
        yield Finding("store", State.WRONG, f"{where}: {fault.sentence}")


def fault_of_store(policy: Policy) -> StoreFault | None:
    """Say what is wrong with the store of a policy; ``None`` when nothing is, or there is none.

    Raises:
        ConfigurationError: The extra ``redis`` is not installed.
    """
    place = place_of(policy)
    if place is None:
        return None
    try:
        try_store(place)
    except LinkError as error:
        return error.fault
    except ModuleNotFoundError as missing:
        raise lacking(missing) from None
    return None
