import pytest

from verto_resilience.config import notes
from verto_resilience.pipeline import Policy


@pytest.mark.parametrize(
    ("hosts", "left_out"),
    [
        (("127.0.0.1",), "vertofx.com, vertofx.dev, verto.co and"),
        ((), "vertofx.com, vertofx.dev, verto.co and"),
        (("vertofx.com", "verto.co"), "vertofx.dev and"),
        (("api-v3-beta.vertofx.com", "vertofx.dev", "verto.co"), "vertofx.com and"),
    ],
)
def test_a_list_without_vertos_own_hosts_is_noted(hosts: tuple[str, ...], left_out: str) -> None:
    """Who names a host of their own learns that the list was replaced, not added to."""
    told = notes(Policy(verto_hosts=hosts))

    assert list(told) == ["verto_hosts"]
    assert told["verto_hosts"].startswith(f"The list takes the place of the default: {left_out}")


@pytest.mark.parametrize(
    "hosts",
    [
        Policy().verto_hosts,
        (*Policy().verto_hosts, "127.0.0.1"),
        ("VertoFX.com", "vertofx.dev", "verto.co"),
        ("com", "dev", "co"),
    ],
)
def test_a_list_with_them_is_not(hosts: tuple[str, ...]) -> None:
    """What adds to the default takes nothing away."""
    assert notes(Policy(verto_hosts=hosts)) == {}
