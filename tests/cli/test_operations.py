import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from verto_resilience.outcome import Operations

Run = Callable[..., subprocess.CompletedProcess[str]]


def _rows(run: Run, *arguments: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(run("operations", "--json", *arguments).stdout)[
        "operations"
    ]
    return rows


def test_every_operation_is_listed(run: Run) -> None:
    """Each row of the table stands there with its path and whether it may be repeated."""
    result = run("operations", COLUMNS="80")

    told = [tuple(line.split()) for line in result.stdout.splitlines()]
    rows = Operations.documented().rows()
    assert (result.returncode, result.stderr) == (0, "")
    assert [line for line in told if len(line) == 4 and line[0].isupper()] == [
        (row.method, row.template, row.kind, row.repeatable) for row in rows
    ]


@pytest.mark.parametrize("columns", [60, 45])
def test_it_fits_a_terminal_that_is_narrow(run: Run, columns: int) -> None:
    """Each operation keeps its path whole, and kind and repeat in their columns."""
    lines = run("operations", COLUMNS=str(columns)).stdout.splitlines()

    kind = lines[0].index("kind")
    rows = Operations.documented().rows()
    assert max(map(len, lines)) <= max(columns, *(len(row.template) + 11 for row in rows))
    assert [line[kind:].split() for line in lines[1:] if line[kind - 2 : kind] == "  "] == [
        [row.kind, row.repeatable] for row in rows
    ]
    assert [path for line in lines for path in line.split() if path.startswith("/")] == [
        row.template for row in rows
    ]


def test_operations_stand_under_their_service(run: Run) -> None:
    """The hosts of a service are asked for what is indented below its name."""
    lines = run("operations", "--kind", "moves_money").stdout.splitlines()

    services = [line for line in lines if not line.startswith(" ")]
    assert services == ["legacy", "exchange", "payment", "guide samples"]
    assert lines[lines.index("payment") + 1].split()[1] == "/payments/create"


def test_a_condition_stands_below_its_operation(run: Run) -> None:
    """What makes one POST a read and the other a trade is told."""
    lines = run("operations", "--host", "exchange", "--method", "POST").stdout.splitlines()

    place = next(n for n, line in enumerate(lines) if "read" in line.split())
    assert lines[place + 1].strip() == "with paymentMode=immediate"


def test_json_has_every_field(run: Run) -> None:
    """Scripts get reasons, sources and how sure they are as well."""
    rows = _rows(run)

    assert len(rows) == len(Operations.documented().rows())
    assert all(row["confidence"] in "ABCD" and row["source"] for row in rows)


def test_the_file_s_operations_are_listed_too(run: Run, tmp_path: Path) -> None:
    """What is listed is in force: a row of the file takes the place of a known one."""
    file = tmp_path / "operations.toml"
    row = '[[operation]]\nmethod = "POST"\ntemplate = "{}"\nkind = "write"\nrepeatable = "never"\n'
    file.write_text(row.format("/mine") + row.format("/payments/create"))
    given = {"VERTO_RESILIENCE_OPERATIONS": str(file)}

    lines = run("operations", "--method", "POST", **given).stdout.splitlines()

    place = lines.index("of the file")
    assert [line.split() for line in lines[place + 1 :]] == [
        ["POST", "/payments/create", "write", "never"],
        ["POST", "/mine", "write", "never"],
    ]
    assert sum("/payments/create" in line for line in lines) == 1


def test_a_bad_file_is_a_mistake(run: Run, tmp_path: Path) -> None:
    """It is told with every bad row, and the exit code is 2."""
    file = tmp_path / "operations.toml"
    file.write_text('[[operation]]\nmethod = "POST"\n')

    result = run("operations", VERTO_RESILIENCE_OPERATIONS=str(file))

    assert (result.returncode, result.stdout) == (2, "")
    assert "operation 1: template is missing" in result.stderr


def test_filters_go_together(run: Run) -> None:
    """What is listed fits the method, the kind and the host at once."""
    rows = _rows(run, "--method", "post", "--kind", "moves_money", "--host", "payment")

    assert {row["template"] for row in rows} == {"/payments/create", "/bulkPayments"}


@pytest.mark.parametrize(
    ("host", "template"),
    [
        ("api-v3-sandbox.vertofx.com", "/orders/v2.1/fx"),
        ("https://api-exchange-beta.vertofx.com", "/fx/payments"),
        ("Wallet", "/{company_id}/wallets"),
        ("api-company-sandbox.vertofx.com", "/users/login"),
    ],
)
def test_a_host_tells_its_service(run: Run, host: str, template: str) -> None:
    """A host of Verto's, or the name of a service, picks what is served there."""
    assert template in {row["template"] for row in _rows(run, "--host", host)}


def test_none_that_fits_exits_with_1(run: Run) -> None:
    """Scripts can ask whether there is one; JSON stays JSON."""
    told, data = (run("operations", "--method", "PATCH", *more) for more in ([], ["--json"]))

    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr == "no operation fits\n"
    assert json.loads(data.stdout) == {"operations": []}


@pytest.mark.parametrize(
    "arguments", [("--host", "example.com"), ("--kind", "steals"), ("--host", "")]
)
def test_a_filter_that_cannot_be_is_a_mistake(run: Run, arguments: tuple[str, ...]) -> None:
    """An unknown host or kind is told with what there is, and the exit code is 2."""
    result = run("operations", *arguments)

    assert (result.returncode, result.stdout) == (2, "")
    assert "payment" in result.stderr or "moves_money" in result.stderr


def test_an_unknown_kind_is_told_with_the_kinds(run: Run) -> None:
    """The message says what there is, and nothing of the parts that it is checked by."""
    result = run("operations", "--kind", "steals", COLUMNS="200")

    assert "'steals' is no kind; there are read, write and moves_money" in result.stderr
    assert "Value error" not in result.stderr


def test_a_kind_may_be_written_in_capitals(run: Run) -> None:
    """As a method may be written in small letters."""
    assert _rows(run, "--kind", "READ") == _rows(run, "--kind", "read") != []
