import pytest

from tests.cli.conftest import Run


def test_without_a_store_there_is_no_fleet(run: Run) -> None:
    """One sentence says which variable is missing."""
    ran = run("fleet")

    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "error: there is no store: set VERTO_RESILIENCE_STORE\n"


@pytest.mark.parametrize("key", ["api.example.com", "ftp://x", "https://", "https://x\x1b", "a b"])
@pytest.mark.parametrize("verb", ["open", "reset"])
def test_what_is_no_key_is_refused(run: Run, verb: str, key: str) -> None:
    """Before anybody is asked."""
    ran = run("fleet", verb, key, VERTO_RESILIENCE_STORE="unix:///nowhere")

    assert ran.returncode == 2
    assert "KEY" in ran.stderr


@pytest.mark.parametrize("seconds", ["0", "-1", "86401", "nan", "soon"])
def test_nothing_is_opened_for_ever(run: Run, seconds: str) -> None:
    """From a second to a day."""
    ran = run(
        "fleet", "open", "https://x", "--for", seconds, VERTO_RESILIENCE_STORE="unix:///nowhere"
    )

    assert ran.returncode == 2
    assert "--for" in ran.stderr


def test_a_store_that_cannot_be_had_is_told(run: Run) -> None:
    """In one line, without a traceback."""
    ran = run("fleet", "reset", "https://x", VERTO_RESILIENCE_STORE="unix:///nowhere")

    assert ran.returncode == 1
    assert ran.stderr == "error: store unix:///nowhere: it cannot be reached\n"
