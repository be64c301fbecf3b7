import pytest

import verto_resilience.testing
from verto_resilience.testing.__main__ import main


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--script", "throtled"], "choose one of healthy, throttled, down, recovering"),
        (["--script", "down", "--form", "date"], "no option 'form'"),
        (["--port", "65536"], "port 65536"),
        (["--port", "many"], "invalid int value"),
        (["--path", "orders"], "must begin with a slash"),
        (["--key", "a.key"], "go together"),
        (["--certificate", "no.pem", "--key", "no.key"], "cannot be used"),
    ],
)
def test_bad_argument_ends_with_one_clear_line(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An argument that cannot be ends the program with 2 and says what is wrong."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert caught.value.code == 2
    assert named in capsys.readouterr().err


def test_public_names_are_there() -> None:
    """Every public name is listed once and can be imported; the linter keeps their order."""
    names = verto_resilience.testing.__all__

    assert len(names) == len(set(names))
    assert all(hasattr(verto_resilience.testing, name) for name in names)
