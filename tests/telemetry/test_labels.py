from verto_resilience.telemetry._labels import Labels

OTHER_SERVER = {"server.address": "_OTHER", "server.port": 0}


def test_the_first_servers_keep_their_names() -> None:
    """After 100 different servers the rest share one set of labels; the first keep theirs."""
    labels = Labels()

    sets = [labels.server[f"https://h{n}.example:443", None] for n in range(150)]

    assert sets[99] == {"server.address": "h99.example", "server.port": 443}
    assert sets[100:] == [OTHER_SERVER] * 50
    assert labels.server["https://h0.example:443", None] == sets[0]


def test_all_sets_of_a_server_agree() -> None:
    """A server is ``_OTHER`` on every metric or on none."""
    labels = Labels()
    for n in range(101):
        labels.server[f"https://h{n}.example:443", None]
    late = "https://h100.example:443"

    http = labels.http[(late, None, "GET"), 200, "1.1", None]
    call = labels.call[(late, None, "GET"), None, "success", "answered", None]
    error = labels.api_error(late, None, 400, 1)

    assert all(OTHER_SERVER.items() <= told.items() for told in (http, call, error))


def test_what_is_unknown_has_no_label() -> None:
    """Status, version, error and operation are left out where there are none."""
    labels = Labels()

    http = labels.http[("https://h:443", None, "GET"), None, None, None]
    call = labels.call[("https://h:443", None, "GET"), None, "cancelled", None, None]

    assert http == {"http.request.method": "GET", "server.address": "h", "server.port": 443}
    assert call == http | {"verto.call.outcome": "cancelled"}


def test_a_set_is_made_once() -> None:
    """The same facts give the same set, not an equal one."""
    labels = Labels()
    key = (("https://h:443", None, "GET"), 200, "1.1", None)

    assert labels.http[key] is labels.http[key]


def test_operations_and_circuits_are_of_bounded_variety() -> None:
    """After 200 operations and 500 circuits the rest share ``_OTHER``."""
    labels = Labels()

    operations = {labels.operation(f"/{n}") for n in range(300)}
    circuits = {
        labels.circuit("https://h:443", f"https://h:443 GET /{n}")["verto.circuit_breaker.key"]
        for n in range(600)
    }

    assert len(operations) == 201
    assert len(circuits) == 501
    assert "_OTHER" in operations & circuits
