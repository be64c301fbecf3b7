import copy
import pickle
import time
import tomllib
from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verto_resilience.errors import ConfigurationError
from verto_resilience.outcome._operation import (
    Operation,
    OperationKind,
    Repeatable,
    is_repeatable,
    read_operations,
)
from verto_resilience.outcome._operations import Operations

READ, WRITE, MOVES_MONEY = OperationKind
ALWAYS, WITH_KEY, NEVER = Repeatable
IMMEDIATE = b'{"paymentMode": "immediate", "currencyFrom": "GBP"}'

DOCUMENTED = [
    ("POST", "/users/login", WRITE, WITH_KEY, "A"),
    ("GET", "/orders/v2.1/fx", READ, ALWAYS, "C"),
    ("POST", "/orders/v2.1/fx", MOVES_MONEY, NEVER, "C"),
    ("GET", "/orders/v2.1/fx/{order_id}", READ, ALWAYS, "C"),
    ("GET", "/profile/v2.1/wallets", READ, ALWAYS, "C"),
    ("GET", "/profile/v2.1/purpose", READ, ALWAYS, "C"),
    ("GET", "/profile/v2.1/beneficiaries", READ, ALWAYS, "C"),
    ("GET", "/profile/v2.1/beneficiaries/{beneficiary_id}", READ, ALWAYS, "C"),
    ("POST", "/profile/v2.1/beneficiaries", WRITE, WITH_KEY, "C"),
    ("PUT", "/profile/v2.1/beneficiaries/{beneficiary_id}", WRITE, WITH_KEY, "C"),
    ("POST", "/profile/v2.1/request", MOVES_MONEY, NEVER, "D"),
    ("POST", "/profile/v2.2/request", MOVES_MONEY, WITH_KEY, "C"),
    ("GET", "/profile/v2.1/request", READ, ALWAYS, "C"),
    ("POST", "/recipients", WRITE, WITH_KEY, "A"),
    ("POST", "/fx/rate", MOVES_MONEY, NEVER, "A"),
    ("POST", "/fx/rate", READ, ALWAYS, "A"),
    ("POST", "/fx/payments", MOVES_MONEY, WITH_KEY, "C"),
    ("GET", "/fx/{reference}", READ, ALWAYS, "B"),
    ("GET", "/fx/health", READ, ALWAYS, "B"),
    ("POST", "/payments/create", MOVES_MONEY, WITH_KEY, "C"),
    ("GET", "/payments/{payment_id}", READ, ALWAYS, "C"),
    ("POST", "/payments/lists", READ, ALWAYS, "B"),
    ("POST", "/bulkPayments", MOVES_MONEY, NEVER, "B"),
    ("GET", "/{company_id}/wallets", READ, ALWAYS, "C"),
    ("GET", "/{company_id}/wallets/{wallet_id}", READ, ALWAYS, "C"),
    ("GET", "/{company_id}/wallets/{wallet_id}/statement", READ, ALWAYS, "B"),
    ("GET", "/**/fundingMethods", WRITE, WITH_KEY, "B"),
    ("POST", "/p/currencies/exchange-rate", READ, ALWAYS, "C"),
    ("POST", "/v2/send", MOVES_MONEY, WITH_KEY, "A"),
    ("POST", "/v2/accounts", WRITE, WITH_KEY, "A"),
    ("POST", "/v2/sub-accounts", WRITE, NEVER, "A"),
    ("POST", "/v2/auth/token", WRITE, WITH_KEY, "A"),
]


def _operation(method: str = "POST", template: str = "/a", **given_fields: Any) -> Operation:
    fields: dict[str, Any] = {"kind": WRITE, "repeatable": NEVER} | given_fields
    return Operation(method, template, **fields)


def _packaged() -> dict[str, Any]:
    path = resources.files("verto_resilience.outcome").joinpath("operations.toml")
    return tomllib.loads(path.read_text())


class TestDocumentedTable:
    """The packaged rows."""

    def test_it_has_the_endpoints_that_are_known(self) -> None:
        """Every endpoint stands in the table with its kind, whether to repeat it, and how sure."""
        rows = [
            (row.method, row.template, row.kind, row.repeatable, row.confidence)
            for row in Operations.documented().rows()
        ]

        assert rows == DOCUMENTED

    def test_every_row_gives_a_reason_a_source_and_a_service(self) -> None:
        """No row asks to be believed: each says why, on whose word, and where it is served."""
        sources = _packaged()["sources"]

        for row in Operations.documented().rows():
            assert row.reason.endswith(".")
            assert row.service
            assert set(row.source.split(", ")) <= set(sources)

    def test_every_source_is_used(self) -> None:
        """The legend of sources lists nothing that no row rests on."""
        used = {name for row in _packaged()["operation"] for name in row["source"].split(", ")}

        assert used == set(_packaged()["sources"])

    def test_only_documentation_makes_confidence_a(self) -> None:
        """A row that rests on other people's code or on scripts alone is never marked A."""
        for row in Operations.documented().rows():
            if {"clients", "scripts"} & set(row.source.split(", ")):
                assert row.confidence != "A"

    def test_nothing_that_moves_money_is_repeated_without_a_key(self) -> None:
        """Money first: no row that moves money is repeatable as it is."""
        for row in Operations.documented().rows():
            if row.kind is MOVES_MONEY:
                assert not is_repeatable(row.method, row, has_key=False)

    def test_it_is_read_once(self) -> None:
        """Asking again gives the same table."""
        assert Operations.documented() is Operations.documented()

    @pytest.mark.parametrize(
        ("method", "path", "query", "body", "template", "repeatable"),
        [
            ("POST", "/users/login", "", None, "/users/login", WITH_KEY),
            ("POST", "/orders/v2.1/fx", "", None, "/orders/v2.1/fx", NEVER),
            ("GET", "/orders/v2.1/fx", "currencyFrom=GBP", None, "/orders/v2.1/fx", ALWAYS),
            ("GET", "/orders/v2.1/fx/O-1", "", None, "/orders/v2.1/fx/{order_id}", ALWAYS),
            ("GET", "/fx/health", "", None, "/fx/health", ALWAYS),
            ("GET", "/fx/EN-1", "", None, "/fx/{reference}", ALWAYS),
            ("GET", "/c-1/wallets", "", None, "/{company_id}/wallets", ALWAYS),
            ("GET", "/c-1/wallets/w-1", "", None, "/{company_id}/wallets/{wallet_id}", ALWAYS),
            ("POST", "/payments/lists", "", None, "/payments/lists", ALWAYS),
            ("POST", "/fx/rate", "", None, "/fx/rate", NEVER),
            ("POST", "/fx/rate", "", b'{"paymentMode": "later"}', "/fx/rate", NEVER),
            ("POST", "/fx/rate", "", b"not json", "/fx/rate", NEVER),
            ("POST", "/fx/rate", "", b'{"paymentMode": ["immediate"]}', "/fx/rate", NEVER),
            ("POST", "/fx/rate", "", b'{"a": {"paymentMode": "immediate"}}', "/fx/rate", NEVER),
            ("POST", "/fx/rate", "", b'{"note": "paymentMode=immediate"}', "/fx/rate", NEVER),
            ("POST", "/fx/rate", "", IMMEDIATE + b" " * 65_536, "/fx/rate", NEVER),
            ("POST", "/fx/rate", "", IMMEDIATE, "/fx/rate", ALWAYS),
            ("POST", "/fx/rate", "", '{"paymentMode":"immediate"}', "/fx/rate", ALWAYS),
            ("POST", "/fx/rate", "", '{"paymentMode": "\ud800"}', "/fx/rate", NEVER),
            (
                "GET",
                "/c/wallets/w/fundingMethods",
                "autoCreate=true",
                None,
                "/**/fundingMethods",
                WITH_KEY,
            ),
            ("GET", "/fundingMethods", "a=1&autoCreate=True", None, "/**/fundingMethods", WITH_KEY),
        ],
    )
    def test_requests_find_their_row(  # noqa: PLR0917
        self, method: str, path: str, query: str, body: Any, template: str, repeatable: Repeatable
    ) -> None:
        """A request finds its endpoint, and of two rows the one whose condition holds."""
        found = Operations.documented().match(method, path, query, body)

        assert found is not None
        assert (found.template, found.repeatable) == (template, repeatable)

    @pytest.mark.parametrize(
        ("method", "path", "query"),
        [
            ("POST", "/orders/v2.1/fx/O-1", ""),
            ("DELETE", "/orders/v2.1/fx", ""),
            ("GET", "/a/b/fundingMethods", ""),
            ("GET", "/a/b/fundingMethods", "autoCreate=false"),
            ("GET", "/a/b/fundingMethods", "autoCreate"),
            ("GET", "/a/b/fundingMethods", "notautoCreate=true"),
            ("GET", "/fundingMethods/b", "autoCreate=true"),
            ("GET", "/", "autoCreate=true"),
            ("GET", "", "autoCreate=true"),
            ("PATCH", "/**/fundingMethods", "autoCreate=true"),
        ],
    )
    def test_other_requests_find_none(self, method: str, path: str, query: str) -> None:
        """A request that no row describes has no operation and is ruled by its method."""
        assert Operations.documented().match(method, path, query) is None


class TestMatch:
    """Finding the operation of a request."""

    @pytest.mark.parametrize("row", ["POST /payments", {"method": "POST"}, None])
    def test_a_row_of_another_kind_is_refused(self, row: Any) -> None:
        """The error says how an operation is written, and as what this one is."""
        with pytest.raises(TypeError) as caught:
            Operations([row])

        assert str(caught.value) == (
            "an operation is written Operation('POST', '/path', kind=..., repeatable=...), "
            f"not as {type(row).__name__}"
        )

    @pytest.mark.parametrize("path", ["/a/1/b", "/a/1/b/", "//a//1/b", "a/1/b", "a/1/b/"])
    def test_empty_segments_do_not_matter(self, path: str) -> None:
        """Doubled and trailing slashes, which servers forgive, do not hide an operation."""
        table = Operations([_operation(template="/a/{id}/b")])

        assert table.match("POST", path) is table.rows()[0]

    def test_a_name_beats_a_parameter_from_the_left(self) -> None:
        """The row that agrees with more of the path from its start is chosen."""
        names = ["/{x}/{y}", "/{x}/b", "/a/{y}", "/a/b"]
        table = Operations([_operation(template=name) for name in names])

        found = [table.match("POST", path) for path in ("/z/z", "/z/b", "/a/z", "/a/b")]

        assert [row and row.template for row in found] == names

    def test_a_name_that_sorts_late_beats_a_parameter(self) -> None:
        """What stands in a name has no say in it."""
        table = Operations([_operation(template="/{user}"), _operation(template="/~me")])

        found = table.match("POST", "/~me")

        assert found is not None
        assert found.template == "/~me"

    def test_a_condition_on_the_body_holds_behind_any_segments(self) -> None:
        """A row that leaves its start open may look into the body as well."""
        table = Operations([_operation(template="/**/a", body="b=1")])

        found = [table.match("POST", "/x/y/a", "", body) for body in (b'{"b": 1}', b'{"b": 2}')]

        assert found == [table.rows()[0], None]

    @pytest.mark.parametrize("condition", [{"query": "b=1"}, {"body": "b=1"}])
    def test_a_row_that_allows_a_repeat_may_have_a_condition(
        self, condition: dict[str, str]
    ) -> None:
        """It holds where query or body have what it asks for, and nowhere else."""
        table = Operations([_operation(template="/{x}/a", repeatable=ALWAYS, **condition)])
        bodies = (b'{"b": 1}', b'{"b": 2}')

        found = [table.match("POST", "/x/a", f"b={n}", bodies[n - 1]) for n in (1, 2)]

        assert found == [table.rows()[0], None]

    @pytest.mark.parametrize(
        ("condition", "query", "body"),
        [({"query": "a=b=c"}, "a=b=c", None), ({"body": "a=b=c"}, "", b'{"a": "b=c"}')],
    )
    def test_the_value_of_a_condition_may_hold_an_equals_sign(
        self, condition: dict[str, str], query: str, body: bytes | None
    ) -> None:
        """The name ends at the first one."""
        table = Operations([_operation(**condition)])

        assert table.match("POST", "/a", query, body) is table.rows()[0]

    def test_a_row_behind_any_segments_comes_last(self) -> None:
        """A row that leaves its start open is chosen only where no other row holds."""
        table = Operations([_operation(template="/**/a/{b}"), _operation(template="/{x}/a/{b}")])

        found = [table.match("POST", path) for path in ("/a/1", "/x/a/1", "/x/y/a/1", "/x/a", "/a")]

        templates = [row and row.template for row in found]
        assert templates == ["/**/a/{b}", "/{x}/a/{b}", "/**/a/{b}", None, None]

    def test_a_condition_that_fails_falls_back_to_the_next_row(self) -> None:
        """Where a row's condition does not hold and nothing else fits, a wider row is tried."""
        table = Operations(
            [_operation(template="/a/b", query="x=1"), _operation(template="/a/{c}")]
        )

        found = [table.match("POST", "/a/b", query) for query in ("x=1", "x=2")]

        assert [row and row.template for row in found] == ["/a/b", "/a/{c}"]

    def test_two_conditions_beat_one(self) -> None:
        """The row that asks for more is chosen, and of equals the one that came last."""
        plain = _operation()
        by_query = _operation(query="x=1")
        by_body = _operation(body="y.z=2")
        by_both = _operation(query="x=1", body="y.z=2")
        table = Operations([by_both, by_query, by_body, plain])

        found = [
            table.match("POST", "/a", query, body)
            for query in ("x=1", "")
            for body in (b'{"y": {"z": 2}}', None)
        ]

        assert [found[0], found[1], found[2], found[3]] == [by_both, by_query, by_body, plain]
        assert (
            Operations([by_query, by_body]).match("POST", "/a", "x=1", '{"y":{"z":2}}') == by_body
        )

    @pytest.mark.parametrize(
        ("query", "holds"),
        [
            ("auto=true", True),
            ("auto=True", True),
            ("auto=%74rue", True),
            ("a=1&auto=false&auto=true", True),
            ("Auto=true", False),
            ("auto=", False),
            ("auto=truer", False),
            ("a=auto=true", False),
            ("%", False),
        ],
    )
    def test_a_query_condition_is_decoded_and_ignores_case_of_its_value(
        self, query: str, holds: bool
    ) -> None:
        """Clients write a boolean as their language does; the value's case does not matter."""
        table = Operations([_operation(query="auto=true")])

        assert (table.match("POST", "/a", query) is not None) is holds

    @pytest.mark.parametrize(
        ("body", "holds"),
        [
            (b'{"a": true}', True),
            (b'{"a": "True"}', True),
            ('{"a":true}', True),
            (b'{"a": null}', False),
            (b'{"a": 1}', False),
            (b"[]", False),
            (b"\xff", False),
            (b"", False),
            (None, False),
        ],
    )
    def test_a_body_condition_reads_json(self, body: bytes | str | None, holds: bool) -> None:
        """A text, an integer or a boolean of the JSON body is compared; anything else is not."""
        table = Operations([_operation(body="a=true")])

        assert (table.match("POST", "/a", "", body) is not None) is holds

    @pytest.mark.parametrize(("size", "holds"), [(65_536, True), (65_537, False)])
    def test_a_body_of_up_to_64_kib_is_looked_into(self, size: int, holds: bool) -> None:
        """The bound is exact: one byte more, and the condition does not hold."""
        table = Operations([_operation(body="a=1")])

        assert (table.match("POST", "/a", "", b'{"a": 1}'.ljust(size)) is not None) is holds

    def test_a_value_that_only_prints_alike_does_not_hold(self) -> None:
        """Null is not the text none, whatever a language calls it."""
        table = Operations([_operation(body="a=none")])

        found = [table.match("POST", "/a", "", body) for body in ('{"a":null}', '{"a":"none"}')]

        assert found == [None, table.rows()[0]]

    @given(
        st.text(),
        st.text() | st.text("/{}*a?#%. "),
        st.text() | st.text("autoCreate=tru&%;+"),
        st.none() | st.text() | st.binary() | st.just(IMMEDIATE),
    )
    def test_no_request_raises(
        self, method: str, path: str, query: str, body: bytes | str | None
    ) -> None:
        """Whatever the method, path, query and body are, there is an operation or none."""
        table = Operations.documented()

        for name in (method, "GET", "POST"):
            found = table.match(name, path, query, body)
            assert found is None or found in table.rows()

    @given(st.sampled_from(Operations.documented().rows()), st.data())
    def test_every_template_matches_the_paths_made_from_it(
        self, row: Operation, data: st.DataObject
    ) -> None:
        """Filling in a template gives a path that finds a row of that method, never none."""
        segment = st.text("abcXYZ019-_.~", min_size=1).filter(lambda s: s not in {".", ".."})
        parts = [
            data.draw(segment) if part.startswith("{") or part == "**" else part
            for part in row.template.split("/")
        ]
        body = '{"paymentMode": "immediate"}' if row.body else None

        found = Operations.documented().match(row.method, "/".join(parts), row.query, body)

        assert found is not None
        assert found.method == row.method
        assert found is row or found.template.count("{") < row.template.count("{")

    def test_a_hostile_path_costs_little(self) -> None:
        """A path of a megabyte of slashes and names is looked up in linear time."""
        began = time.perf_counter()

        found = Operations.documented().match("GET", "/a" * 500_000, "&" * 65_536)

        assert found is None
        assert time.perf_counter() - began < 5.0


class TestExtend:
    """Tables made of tables."""

    def test_it_gives_a_new_table_and_leaves_the_old(self) -> None:
        """A table never changes; adding makes another."""
        old = Operations([_operation(template="/a")])

        new = old.extend(_operation(template="/b"))

        assert [row.template for row in old.rows()] == ["/a"]
        assert [row.template for row in new.rows()] == ["/a", "/b"]
        assert old.match("POST", "/b") is None
        assert new.match("POST", "/b") is new.rows()[1]

    def test_a_later_row_takes_the_place_of_its_namesake(self) -> None:
        """The same method and template, names in braces apart, is the same endpoint."""
        first = _operation(template="/a/{id}")
        last = _operation(template="/a/{number}", repeatable=ALWAYS)

        table = Operations([first]).extend(_operation(template="/a/{x}"), last)

        assert table.rows() == (last,)
        assert table.match("POST", "/a/1") is last

    @pytest.mark.parametrize(
        "other", [{"method": "PUT"}, {"query": "a=1"}, {"body": "a=1"}, {"template": "/b"}]
    )
    def test_another_method_or_condition_is_another_row(self, other: dict[str, str]) -> None:
        """Rows that differ in method, template or condition stand beside each other."""
        table = Operations([_operation()]).extend(_operation(**other))

        assert len(table.rows()) == 2

    def test_extending_with_nothing_gives_an_equal_table(self) -> None:
        """Tables are values: equal rows make equal tables."""
        table = Operations.documented()

        same = table.extend()

        assert same == table
        assert hash(same) == hash(table)
        assert hash(table) != hash(Operations())
        assert table != Operations()
        assert table != table.rows()

    def test_a_table_copies_and_pickles(self) -> None:
        """A table survives what sessions do with what they hold."""
        table = Operations.documented()

        for twin in (copy.deepcopy(table), pickle.loads(pickle.dumps(table))):  # noqa: S301
            assert twin == table
            assert twin.match("GET", "/fx/health") == table.match("GET", "/fx/health")

    def test_its_repr_is_short(self) -> None:
        """The repr of a table counts its rows instead of listing them."""
        assert repr(Operations([_operation()])) == "<Operations: 1 rows>"


class TestOperation:
    """One row."""

    @pytest.mark.parametrize(
        "template",
        ["/a", "/a/{b}", "/{b}", "/{b_1}/c-d.e~f:g@h", "/**/a", "/**/{b}/c", "/%20"],
    )
    def test_templates_of_paths_are_accepted(self, template: str) -> None:
        """Names, parameters and an open start make a template."""
        assert _operation(template=template).template == template

    @pytest.mark.parametrize(
        "template",
        [
            "",
            "/",
            "a",
            "a/b",
            "//a",
            "/a/",
            "/a//b",
            "/a?b=1",
            "/a#b",
            "/a b",
            "/{}",
            "/{1a}",
            "/{a",
            "/a}",
            "/x{a}",
            "/{a-b}",
            "/**",
            "/a/**",
            "/a/*",
            "/***/a",
            "https://example.com/a",
            "/a\n",
        ],
    )
    def test_a_template_that_could_never_match_is_refused(self, template: str) -> None:
        """A template without a leading slash, with a query or with a bad name is an error."""
        with pytest.raises(ConfigurationError, match="template is"):
            _operation(template=template)

    @pytest.mark.parametrize(
        ("field", "value", "allowed"),
        [
            ("method", "post", "an HTTP method in upper case"),
            ("method", "", "an HTTP method in upper case"),
            ("template", "fx", "a path such as /fx/{reference}"),
            ("kind", "reed", "read, write, moves_money"),
            ("repeatable", "maybe", "always, with_key, never"),
            ("confidence", "E", "A, B, C, D"),
            ("confidence", "", "A, B, C, D"),
            ("query", "autoCreate", "nothing or name=value"),
            ("query", "=true", "nothing or name=value"),
            ("body", "mode=", "nothing or name=value"),
        ],
    )
    def test_a_bad_field_is_refused_and_the_message_helps(
        self, field: str, value: str, allowed: str
    ) -> None:
        """The error names the row, the field, what was given and what is allowed."""
        with pytest.raises(ConfigurationError) as caught:
            _operation(**{field: value})

        method = value if field == "method" else "POST"
        template = value if field == "template" else "/a"
        assert str(caught.value) == (
            f"operation {method} {template}: {field} is {value!r}, allowed is {allowed}"
        )

    def test_all_faults_are_listed_at_once(self) -> None:
        """Two faults of a row are one error that lists both."""
        with pytest.raises(ConfigurationError) as caught:
            _operation(kind="reed", query="x")

        assert len(caught.value.problems) == 2
        assert str(caught.value) == "; ".join(caught.value.problems)

    def test_text_becomes_the_enum(self) -> None:
        """Rows made from text hold the same members as rows made in code."""
        row = _operation(kind="read", repeatable="always")

        assert (type(row.kind), type(row.repeatable)) == (OperationKind, Repeatable)
        assert row == _operation(kind=READ, repeatable=ALWAYS)

    def test_the_callers_rows_claim_nothing_of_verto(self) -> None:
        """A row that names no source is the caller's own, with the lowest confidence."""
        row = _operation()

        assert (row.source, row.confidence) == ("caller", "D")
        assert (row.reason, row.service, row.query, row.body) == ("", "", "", "")


class TestReadOperations:
    """Rows from a file."""

    ROW = {"method": "POST", "template": "/a", "kind": "write", "repeatable": "never"}  # noqa: RUF012

    def test_tables_become_operations(self) -> None:
        """Each TOML table is a row, with the optional fields at their defaults."""
        rows = read_operations([self.ROW, self.ROW | {"template": "/b", "reason": "Because."}])

        assert rows == (_operation(), _operation(template="/b", reason="Because."))

    @pytest.mark.parametrize(
        ("row", "message"),
        [
            ({"method": "GET", "template": "/a", "kind": "read"}, "2: repeatable is missing"),
            (ROW | {"repeatble": "x"}, "operation 2: 'repeatble' is no field; there are body, "),
            (ROW | {"reason": 5}, "operation 2: reason is 5, allowed is text"),
            (ROW | {"_": "x"}, "operation 2: '_' is no field"),
            (ROW | {"template": "a"}, "operation POST a: template is 'a'"),
            (ROW | {"template": "/x/{other}"}, "operation 2: POST /x/{other} comes twice"),
        ],
    )
    def test_a_bad_row_is_named(self, row: dict[str, Any], message: str) -> None:
        """A missing field, an unknown one, a wrong type or a duplicate is told with its place."""
        with pytest.raises(ConfigurationError) as caught:
            read_operations([self.ROW | {"template": "/x/{id}"}, row])

        assert message in str(caught.value)
        assert len(caught.value.problems) == 1

    def test_every_fault_of_a_row_is_told(self) -> None:
        """Whoever mends one does not find the next by trying again."""
        row = {"method": "post", "template": "/a", "kind": 3, "repeatble": "never", "query": "x"}

        with pytest.raises(ConfigurationError) as caught:
            read_operations([row])

        missing, number, misspelt, method, query = caught.value.problems
        assert missing == "operation 1: repeatable is missing"
        assert number == "operation 1: kind is 3, allowed is text"
        assert misspelt.startswith("operation 1: 'repeatble' is no field; there are ")
        assert method == "operation 1: method is 'post', allowed is an HTTP method in upper case"
        assert query == "operation 1: query is 'x', allowed is nothing or name=value"

    def test_every_row_that_is_none_is_told(self) -> None:
        """One fault does not hide that of the next row, nor does the error run them together."""
        rows = [self.ROW | {"method": "post"}, self.ROW | {"template": "a"}]

        with pytest.raises(ConfigurationError) as caught:
            read_operations(rows)

        assert [problem.partition(":")[0] for problem in caught.value.problems] == [
            "operation post /a",
            "operation POST a",
        ]
        assert str(caught.value) == "; ".join(caught.value.problems)

    def test_a_twin_that_is_equal_is_a_duplicate_too(self) -> None:
        """The very same row twice is a slip of the pen, and refused."""
        with pytest.raises(ConfigurationError, match="comes twice"):
            read_operations([self.ROW, self.ROW])


class TestIsRepeatable:
    """What the pipeline asks."""

    @pytest.mark.parametrize(
        ("method", "without_key"),
        [
            ("GET", True),
            ("HEAD", True),
            ("OPTIONS", True),
            ("TRACE", True),
            ("PUT", True),
            ("DELETE", True),
            ("POST", False),
            ("PATCH", False),
            ("CONNECT", False),
            ("get", False),
            ("", False),
        ],
    )
    def test_an_unknown_path_is_ruled_by_its_method(self, method: str, without_key: bool) -> None:
        """Without an operation the idempotent methods repeat, and anything repeats under a key."""
        assert is_repeatable(method, None, has_key=False) is without_key
        assert is_repeatable(method, None, has_key=True) is True

    @pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
    @pytest.mark.parametrize(
        ("repeatable", "without_key", "with_key"),
        [(ALWAYS, True, True), (WITH_KEY, False, True), (NEVER, False, False)],
    )
    def test_a_known_operation_overrules_the_method(
        self, method: str, repeatable: Repeatable, without_key: bool, with_key: bool
    ) -> None:
        """The operations table decides both ways: a POST that reads, a GET that writes."""
        row = _operation(method, repeatable=repeatable)

        assert is_repeatable(method, row, has_key=False) is without_key
        assert is_repeatable(method, row, has_key=True) is with_key
