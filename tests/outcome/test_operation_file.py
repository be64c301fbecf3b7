from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verto_resilience.errors import ConfigurationError
from verto_resilience.outcome import OperationKind, Operations, Repeatable, read_operations_file

DOCUMENTED = Operations.documented()
TRANSFER = """
[[operation]]
method = "POST"
template = "/wallets/{wallet_id}/transfer"
kind = "moves_money"
repeatable = "never"
"""


def _refused(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        read_operations_file(text, over=DOCUMENTED, name="mine.toml")
    assert str(caught.value) == "\n  ".join(["mine.toml:", *caught.value.problems])
    return caught.value.problems


def test_a_row_is_added() -> None:
    """The new table knows it, the old one does not, and all others are as they were."""
    table = read_operations_file(TRANSFER, over=DOCUMENTED)

    found = table.match("POST", "/wallets/7/transfer")
    assert found is not None
    assert (found.kind, found.repeatable) == (OperationKind.MOVES_MONEY, Repeatable.NEVER)
    assert (found.source, found.confidence) == ("caller", "D")
    assert DOCUMENTED.match("POST", "/wallets/7/transfer") is None
    assert table.rows()[:-1] == DOCUMENTED.rows()


def test_a_row_takes_the_place_of_its_namesake() -> None:
    """What is known of an endpoint is said otherwise; the name in braces does not matter."""
    text = TRANSFER.replace("/wallets/{wallet_id}/transfer", "/payments/create")

    table = read_operations_file(text.replace("never", "always"), over=DOCUMENTED)

    found = table.match("POST", "/payments/create")
    assert found is not None
    assert found.repeatable is Repeatable.ALWAYS
    assert len(table.rows()) == len(DOCUMENTED.rows())


@pytest.mark.parametrize("text", ["", "# nothing yet", "operation = []"])
def test_a_file_without_rows_changes_nothing(text: str) -> None:
    """It says nothing."""
    assert read_operations_file(text, over=DOCUMENTED) == DOCUMENTED


def test_the_packaged_file_can_be_read() -> None:
    """Who starts from a copy of it has a file that is read, legend of sources and all."""
    text = resources.files("verto_resilience.outcome").joinpath("operations.toml").read_text()

    assert read_operations_file(text, over=DOCUMENTED) == DOCUMENTED


def test_one_error_lists_every_bad_row() -> None:
    """With the place of each, counted from 1, or its method and template."""
    text = (
        TRANSFER + TRANSFER + "[[operation]]\nmethod = 'GET'\n" + TRANSFER.replace("POST", "post")
    )

    assert _refused(text + "[other]\n") == (
        "'other' is no table of operations; there is [[operation]]",
        "operation 2: POST /wallets/{wallet_id}/transfer comes twice",
        "operation 3: template is missing",
        "operation 3: kind is missing",
        "operation 3: repeatable is missing",
        (
            "operation post /wallets/{wallet_id}/transfer: method is 'post', "
            "allowed is an HTTP method in upper case"
        ),
    )


@pytest.mark.parametrize("text", ["[operation]", "operation = 3", "operation = [3]"])
def test_rows_are_a_list_of_tables(text: str) -> None:
    """One pair of brackets is a common slip."""
    assert _refused(text) == (
        "operation is no list of rows; write [[operation]], with double brackets",
    )


def test_a_file_without_a_name_is_called_operations() -> None:
    """An error says of what it speaks, also where the caller does not."""
    with pytest.raises(ConfigurationError, match=r"^operations:\n"):
        read_operations_file("[operation]", over=DOCUMENTED)


@pytest.mark.parametrize("text", ["[[", "a = 1\na = 2", "a = " + "[" * 5000])
def test_what_is_no_toml_is_told(text: str) -> None:
    """The parser's own words say where."""
    (problem,) = _refused(text)

    assert problem.startswith("this is no TOML: ")


@given(st.text())
def test_no_text_raises_anything_else(text: str) -> None:
    """Whatever a file holds, there is a table or one error."""
    try:
        table = read_operations_file(text, over=DOCUMENTED)
    except ConfigurationError:
        return

    assert len(table.rows()) >= len(DOCUMENTED.rows())
