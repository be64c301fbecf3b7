"""What of a request stands on its spans and in its records alike."""

from typing import TYPE_CHECKING

from verto_resilience.pipeline import LONGEST_ID, CallRequest
from verto_resilience.telemetry import _names as names

if TYPE_CHECKING:
    from verto_resilience.telemetry._endpoints import Attributes


def identify(attributes: "Attributes", request: CallRequest) -> None:
    """Add which operation a request is, where it is known, and its correlation id."""
    if request.operation is not None:
        attributes[names.OPERATION] = request.operation.template
        attributes[names.OPERATION_KIND] = request.operation.kind.value
    if request.correlation_id is not None:
        # It goes out as the caller gave it, however long.
        attributes[names.CORRELATION_SENT] = request.correlation_id[:LONGEST_ID]
