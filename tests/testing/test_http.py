from email.utils import parsedate_to_datetime

import pytest

from verto_resilience.testing._http import imf_fixdate, iso_instant


@pytest.mark.parametrize("seconds", [0, 784111777, 951782400, 1_700_000_000, 4_102_444_799])
def test_date_reads_back_as_the_same_instant(seconds: int) -> None:
    """An HTTP date says the instant it was made from, in the one form that HTTP allows."""
    text = imf_fixdate(seconds)

    assert parsedate_to_datetime(text).timestamp() == seconds
    assert len(text) == len("Sun, 06 Nov 1994 08:49:37 GMT")


def test_date_is_the_example_of_the_standard() -> None:
    """RFC 9110 §5.6.7 gives this very example."""
    assert imf_fixdate(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT"


def test_instant_in_json_is_rfc_3339() -> None:
    """A date in a body says its zone."""
    assert iso_instant(784111777) == "1994-11-06T08:49:37Z"
