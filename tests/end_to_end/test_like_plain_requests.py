import gzip
import io
import pickle
import re
from collections.abc import Callable
from typing import Any

import pytest
import requests
from requests.auth import HTTPBasicAuth, HTTPDigestAuth

from tests.end_to_end.sessions import Mounter, report
from tests.end_to_end.wire import (
    BROKEN_CHUNK,
    CLOSE_AT_ONCE,
    GARBAGE,
    RESET_AT_ONCE,
    SHORT_BODY,
    STALLED,
    STALLED_BODY,
    TRUNCATED_CHUNKS,
    Say,
    Wirer,
    answer,
)
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.end_to_end

Call = Callable[[requests.Session, str], Any]
OF_THE_DAY = re.compile(
    r"cnonce=\"[^\"]*\"|response=\"[^\"]*\"|boundary=\w+|--[0-9a-f]{32}(?:--)?| at 0x[0-9a-f]+"
)
"""What chance puts into a request or a message."""
CHANCE_HEADERS = {"date", "vfx-api-call-id", "vfx-correlation-id"}
CHALLENGE = 'Digest realm="r", nonce="n", qop="auth", opaque="o", algorithm=MD5'
TRACE = {"traceparent", "tracestate"}


def plainly(text: str | bytes | None) -> str:
    """Give a text without what chance put into it."""
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    return OF_THE_DAY.sub("~", text or "")


def pickled(thing: object) -> object:
    """Give what is left of it after pickling, or the type of what pickling raises."""
    try:
        copy = pickle.loads(pickle.dumps(thing))  # noqa: S301 - its own
    except (TypeError, AttributeError, pickle.PicklingError):
        return "cannot be pickled"
    return copy.content if isinstance(copy, requests.Response) else (type(copy), plainly(str(copy)))


def facts(response: requests.Response) -> dict[str, Any]:
    """Give all that a caller may look at."""
    fields = [
        (name, value)
        for name, value in response.headers.items()
        if name.lower() not in CHANCE_HEADERS
    ]
    sent = response.request
    return {
        "type": type(response),
        "status": (response.status_code, response.reason, response.ok),
        "url": response.url,
        "headers": fields,
        "content": response.content,
        "encoding": (response.encoding, response.apparent_encoding, response.text),
        "cookies": sorted(response.cookies.items()),
        "redirect": (response.is_redirect, response.is_permanent_redirect),
        "next": None if response.next is None else (response.next.method, response.next.url),
        "links": response.links,
        "history": [facts(one) for one in response.history],
        "version": getattr(response.raw, "version", None),
        "request": (
            type(sent),
            sent.method,
            sent.url,
            {name: plainly(value) for name, value in sent.headers.items()},
            plainly(sent.body) if isinstance(sent.body, bytes | str) else type(sent.body),
        ),
        "pickled": pickled(response),
    }


def arrivals(verto: Sandbox) -> list[Any]:
    """Give what reached the server, in order, but for trace and chance."""
    return [
        (
            one.connection,
            one.method,
            one.path,
            one.query,
            plainly(one.body),
            [
                (name, plainly(value))
                for name, value in one.headers.items()
                if name.lower() not in TRACE
            ],
        )
        for one in verto.log
    ]


def compare(
    plain: requests.Session,
    session: requests.Session,
    call: Call,
    prepare: Callable[[Sandbox], None] = lambda _: None,
) -> None:
    """Make the same call with both, each against a server that starts anew on the same port."""
    seen = []
    port = 0
    for one in (plain, session):
        with Sandbox(port=port) as verto:
            port = verto.port
            prepare(verto)
            result = call(one, verto.url)
            given = facts(result) if isinstance(result, requests.Response) else result
            seen.append((given, sorted(one.cookies.items()), arrivals(verto)))
    (result, cookies, arrived), (mounted_result, mounted_cookies, mounted_arrived) = seen
    assert mounted_result == result
    assert mounted_cookies == cookies
    assert mounted_arrived == arrived


def redirects(verto: Sandbox) -> None:
    """Send from one path to the next, with cookies on the way."""
    cookie = {"Set-Cookie": "seen=yes; Path=/"}
    for status in (301, 302, 303, 307, 308):
        to = {"Location": "/status/200?from=there"}
        verto.script(f"/go/{status}", [Reply(status, headers=to | cookie)], repeat=True)
    verto.script("/relative/a", [Reply(302, headers={"Location": "b"})])
    verto.script("/relative/b", [Reply(200, json={"end": True})])
    verto.script("/loop", [Reply(302, headers={"Location": "/loop"})], repeat=True)
    verto.script("/nowhere", [Reply(302, headers={"Location": "http://[::1"})])
    verto.script("/odd", [Reply(302, headers={"Location": "ftp://x/"})])
    verto.script("/big", [Reply(302, body=b"b" * 300_000, headers={"Location": "/status/200"})])


def bodies(verto: Sandbox) -> None:
    """Answer with bodies of several kinds."""
    packed = gzip.compress(b"text " * 100, mtime=0)
    verto.script("/gzip", [Reply(200, body=packed, headers={"Content-Encoding": "gzip"})])
    latin = {"Content-Type": "text/plain; charset=latin-1"}
    verto.script("/latin", [Reply(200, body="añ".encode("latin-1"), headers=latin)])
    verto.script("/lines", [Reply(200, body=b"one\ntwo\nthree")])
    verto.script("/empty", [Reply(200, body=b"")])
    verto.script("/links", [Reply(200, headers={"Link": '</2>; rel="next"'})])
    verto.script("/cookies", [Reply(200, headers={"Set-Cookie": "a=1"}), Reply(200)])
    wrong = {"Content-Encoding": "gzip"}
    verto.script("/not-gzip", [Reply(200, body=b"no gzip", headers=wrong)], repeat=True)


def challenge(verto: Sandbox) -> None:
    """Ask for digest credentials once."""
    asked = {"WWW-Authenticate": CHALLENGE, "Set-Cookie": "d=1"}
    verto.script("/digest", [Reply(401, headers=asked)])


def asking(method: str, status: int) -> Call:
    """Call for a status."""
    return lambda s, url: s.request(method, f"{url}/status/{status}", allow_redirects=False)


def redirected(method: str, status: int) -> Call:
    """Call what redirects, with a form where the method has a body."""
    form = None if method == "GET" else {"a": "1"}
    return lambda s, url: s.request(method, f"{url}/go/{status}", data=form)


def twice(url: str) -> Call:
    """Call a path two times over."""
    return lambda s, base: [s.get(base + url).status_code, s.get(base + url).status_code]


CALLS: dict[str, Call] = {
    **{
        f"{method}_{status}": asking(method, status)
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
        for status in (200, 204, 304, 404)
    },
    "status_201": lambda s, url: s.post(f"{url}/status/201", json={"a": [1, None]}),
    "status_401": lambda s, url: s.get(f"{url}/status/401"),
    "status_418": lambda s, url: s.get(f"{url}/status/418"),
    "path_of_verto": lambda s, url: s.get(f"{url}/orders/v2.1/fx?currencyFrom=a").status_code,
    "params": lambda s, url: s.get(f"{url}/status/200", params={"a": ["1", "ü"], "b": None}),
    "odd_path": lambda s, url: s.get(f"{url}/status/200/../200?a=b#part"),
    "form": lambda s, url: s.post(f"{url}/status/200", data={"a": "ü", "b": ["1", "2"]}),
    "files": lambda s, url: s.post(f"{url}/status/200", files={"f": io.BytesIO(b"data")}),
    "generator": lambda s, url: s.post(f"{url}/status/200", data=iter([b"a", b"b"])),
    "stream_body": lambda s, url: s.put(f"{url}/status/200", data=io.BytesIO(b"data")),
    "headers": lambda s, url: s.get(
        f"{url}/status/200", headers={"X-A": "1", "user-agent": "me", "Accept": None}
    ),
    "own_host": lambda s, url: s.get(f"{url}/status/200", headers={"Host": "api.example.invalid"}),
    "own_trace": lambda s, url: s.get(f"{url}/status/200", headers={"X-Request-Id": "mine"}),
    "lower_case_method": lambda s, url: s.request("get", f"{url}/status/200"),
    "own_method": lambda s, url: s.request("PURGE", f"{url}/status/200"),
    "basic": lambda s, url: s.get(f"{url}/status/200", auth=HTTPBasicAuth("u", "p")),
    "basic_in_url": lambda s, url: s.get(f"{url}/status/200".replace("://", "://u:p@")),
    "digest": lambda s, url: s.get(f"{url}/digest", auth=HTTPDigestAuth("u", "p")),
    "digest_with_body": lambda s, url: s.post(
        f"{url}/digest", auth=HTTPDigestAuth("u", "p"), data=io.BytesIO(b"data")
    ),
    "digest_streamed": lambda s, url: s.get(
        f"{url}/digest", auth=HTTPDigestAuth("u", "p"), stream=True
    ),
    **{
        f"{method}_redirect_{status}": redirected(method, status)
        for method in ("GET", "POST")
        for status in (301, 302, 303, 307, 308)
    },
    "redirect_of_a_stream": lambda s, url: s.post(f"{url}/go/307", data=io.BytesIO(b"data")),
    "redirect_streamed": lambda s, url: s.get(f"{url}/go/302", stream=True),
    "redirect_with_basic": lambda s, url: s.get(f"{url}/go/302", auth=("u", "p")),
    "redirect_relative": lambda s, url: s.get(f"{url}/relative/a"),
    "redirect_not_followed": lambda s, url: s.get(f"{url}/go/302", allow_redirects=False),
    "redirect_with_a_big_body": lambda s, url: s.get(f"{url}/big"),
    "gzip": lambda s, url: s.get(f"{url}/gzip"),
    "gzip_streamed": lambda s, url: b"".join(s.get(f"{url}/gzip", stream=True).iter_content(7)),
    "gzip_raw": lambda s, url: s.get(f"{url}/gzip", stream=True).raw.read(),
    "latin": lambda s, url: s.get(f"{url}/latin"),
    "empty": lambda s, url: s.get(f"{url}/empty"),
    "links": lambda s, url: s.get(f"{url}/links"),
    "lines": lambda s, url: list(s.get(f"{url}/lines", stream=True).iter_lines()),
    "text_chunks": lambda s, url: list(
        s.get(f"{url}/latin", stream=True).iter_content(1, decode_unicode=True)
    ),
    "cookies": twice("/cookies"),
    "prepared": lambda s, url: s.send(
        s.prepare_request(requests.Request("GET", f"{url}/status/200", cookies={"c": "1"}))
    ),
    "prepared_by_itself": lambda s, url: s.send(
        requests.Request("GET", f"{url}/status/200").prepare()
    ),
}


def prepare(verto: Sandbox) -> None:
    """Put every script on."""
    redirects(verto)
    bodies(verto)
    challenge(verto)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_call_is_like_a_plain_one(plain: requests.Session, mounted: Mounter, call: Call) -> None:
    """Response, history, cookies, and every byte that the server got are the same."""
    compare(plain, mounted(), call, prepare)


def test_credentials_do_not_cross_to_another_host(
    plain: requests.Session, mounted: Mounter
) -> None:
    """A redirect to another origin loses the Authorization, and keeps what plain keeps."""
    seen = []
    for one in (plain, mounted()):
        with Sandbox() as there, Sandbox() as here:
            to = {"Location": f"{there.url}/status/200"}
            here.script("/away", [Reply(302, headers=to)])

            response = one.get(f"{here.url}/away", auth=("u", "p"), cookies={"c": "1"})

            (arrival,) = there.log
            seen.append(
                (
                    "Authorization" in here.log[0].headers,
                    {name: value for name, value in arrival.headers.items() if name not in TRACE}
                    | {"Host": "there"},
                    [past.status_code for past in response.history],
                )
            )

    assert seen[0] == seen[1]
    assert seen[1][0]
    assert "Authorization" not in seen[1][1]


def test_send_with_digest_credentials_is_a_call(verto: Sandbox, mounted: Mounter) -> None:
    """What an auth handler sends goes through the adapter too: a 503 for it is resent."""
    session = mounted()
    verto.script("/digest", [Reply(401, headers={"WWW-Authenticate": CHALLENGE}), 503, 200])

    response = session.get(f"{verto.url}/digest", auth=HTTPDigestAuth("u", "p"))

    assert [arrival.status for arrival in verto.log] == [401, 503, 200]
    assert len(report(response).attempts) == 2
    assert len(report(response.history[0]).attempts) == 1


def test_hooks_see_each_answer_once(
    verto: Sandbox, plain: requests.Session, mounted: Mounter
) -> None:
    """A response hook is called for each hop with its answer, and may put another in its place."""
    seen: list[list[int]] = []
    for one in (plain, mounted()):
        redirects(verto)
        codes: list[int] = []

        def note(response: requests.Response, codes: list[int] = codes, **_: Any) -> Any:
            codes.append(response.status_code)
            response.reason = "Noted"
            return response

        response = one.get(f"{verto.url}/go/302", hooks={"response": note})
        assert response.reason == "Noted"
        seen.append(codes)

    assert seen[0] == seen[1] == [302, 200]


def test_hook_sees_the_answer_that_the_caller_gets(verto: Sandbox, mounted: Mounter) -> None:
    """Answers that were resent are not shown to hooks: they are the adapter's affair."""
    verto.script("/x", [503, 503])
    codes: list[int] = []

    def note(response: requests.Response, **_: Any) -> None:
        codes.append(response.status_code)

    mounted().get(f"{verto.url}/x", hooks={"response": note})

    assert codes == [404]


WRONG_TIMES: tuple[Any, ...] = ("soon", (1, 2, 3))

WRONG: dict[str, tuple[Call, tuple[Say, ...]]] = {
    "closed": (lambda s, url: s.get(url), (CLOSE_AT_ONCE,)),
    "reset": (lambda s, url: s.get(url), (RESET_AT_ONCE,)),
    "garbage": (lambda s, url: s.get(url), (GARBAGE,)),
    "truncated_chunks": (lambda s, url: s.get(url), (TRUNCATED_CHUNKS,)),
    "broken_chunk": (lambda s, url: s.get(url), (BROKEN_CHUNK,)),
    "short_body": (lambda s, url: s.get(url), (SHORT_BODY,)),
    "stalled": (lambda s, url: s.get(url, timeout=0.2), (STALLED,)),
    "stalled_body": (lambda s, url: s.get(url, timeout=0.2), (STALLED_BODY,)),
    "not_gzip": (
        lambda s, url: s.get(url),
        (answer(b"no gzip", head="Content-Encoding: gzip\r\n"),),
    ),
    "redirect_with_a_short_body": (
        lambda s, url: s.get(url).status_code,
        (
            Say(
                b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 9\r\n\r\nno",
                SHORT_BODY.then,
            ),
        ),
    ),
    "redirects_without_end": (
        lambda s, url: s.get(url),
        tuple(answer(status=302, head="Location: /x\r\n") for _ in range(31)),
    ),
    "redirect_to_nowhere": (
        lambda s, url: s.get(url),
        (answer(status=302, head="Location: http://[::1\r\n"),),
    ),
    "redirect_to_another_scheme": (
        lambda s, url: s.get(url),
        (answer(status=302, head="Location: ftp://x/\r\n"),),
    ),
    "redirect_to_bytes": (
        lambda s, url: s.get(url),
        (answer(status=302, head="Location: http://\xff\xfe/\r\n"),),
    ),
    "no_json": (lambda s, url: s.get(url).json(), (answer(b"<html>"),)),
    "http_error": (lambda s, url: s.get(url).raise_for_status(), (answer(status=404),)),
    "no_scheme": (lambda s, url: s.get("127.0.0.1/x"), ()),
    "no_host": (lambda s, url: s.get("http:///x"), ()),
    "bad_port": (lambda s, url: s.get("http://127.0.0.1:99999/"), ()),
    "unknown_scheme": (lambda s, url: s.get("ftp://127.0.0.1/"), ()),
    "bad_header": (lambda s, url: s.get(url, headers={"A": "b\nc"}), ()),
    "bad_timeout": (lambda s, url: s.get(url, timeout=WRONG_TIMES[0]), ()),
    "bad_timeout_tuple": (lambda s, url: s.get(url, timeout=WRONG_TIMES[1]), ()),
    "zero_timeout": (lambda s, url: s.get(url, timeout=0), ()),
    "no_such_bundle": (
        lambda s, url: s.get(url.replace("http", "https"), verify="/no/such/bundle"),
        (),
    ),
    "no_such_certificate": (
        lambda s, url: s.get(url.replace("http", "https"), cert="/no/such/certificate"),
        (),
    ),
}


@pytest.mark.parametrize(("call", "says"), WRONG.values(), ids=WRONG)
def test_error_is_like_a_plain_one(
    plain: requests.Session,
    mounted: Mounter,
    wired: Wirer,
    call: Call,
    says: tuple[Say, ...],
) -> None:
    """Type and text of the exception, and what hangs on it, are those of a plain session."""
    wire = wired()
    seen = []
    for one in (plain, mounted(max_attempts=1)):
        wire.say(*says)
        before = len(wire.heard)
        result: Any
        try:
            result = call(one, wire.url)
        except Exception as error:  # noqa: BLE001 - of whatever type, they must be alike
            sent, got = getattr(error, "request", None), getattr(error, "response", None)
            result = (
                type(error),
                plainly(str(error)),
                None if sent is None else (sent.method, sent.url),
                None if got is None else got.status_code,
                type(error.__cause__),
                type(error.__context__),
                pickled(error),
            )
        seen.append((result, len(wire.heard) - before))
        one.close()

    assert seen[0] == seen[1]


def test_refused_connection_is_like_a_plain_one(plain: requests.Session, mounted: Mounter) -> None:
    """A server that is not there gives the very ConnectionError that plain requests gives."""
    with Sandbox() as verto:
        url = verto.url
    texts = []
    for one in (plain, mounted(max_attempts=1)):
        with pytest.raises(requests.exceptions.ConnectionError) as failed:
            one.get(url)
        texts.append((type(failed.value), plainly(str(failed.value))))

    assert texts[0] == texts[1]


def test_request_of_the_caller_is_not_written_to(verto: Sandbox, mounted: Mounter) -> None:
    """A prepared request that was sent, and resent, has the headers that it had."""
    session = mounted(
        verto_hosts=("127.0.0.1",), server_error_wait_min=0.0, server_error_wait_max=0.0
    )
    verto.script("/status/200", [503])
    prepared = requests.Request("GET", f"{verto.url}/status/200", headers={"X-A": "1"}).prepare()
    before = dict(prepared.headers)

    response = session.send(prepared)

    assert verto.arrived == 2
    assert dict(prepared.headers) == before
    assert response.request is prepared


def test_session_goes_on_as_plain_over_many_calls(
    plain: requests.Session, mounted: Mounter
) -> None:
    """Login, cookies and keep-alive carry over from call to call as they do in a plain session."""

    def talk(session: requests.Session, url: str) -> list[int]:
        token = session.post(
            f"{url}/users/login", json={"clientId": "c", "apiKey": "k", "mode": "apiKey"}
        ).json()["token"]
        session.headers["Authorization"] = f"Bearer {len(token)}"
        paths = (
            "/go/303",
            "/profile/v2.1/wallets",
            "/status/404",
            "/latin",
            "/profile/v2.1/request",
        )
        return [session.get(url + path).status_code for path in paths]

    compare(plain, mounted(), talk, prepare)
