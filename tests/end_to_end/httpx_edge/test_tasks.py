"""What holds of tasks alone: they never stop the loop, and may be cancelled at any instant."""

import gc
import threading
import time
import warnings
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import anyio
import httpx
import pytest

from tests.end_to_end.httpx_edge.conftest import Run, TaskClients
from tests.end_to_end.httpx_edge.looks import STREAM, busy, circuit, transport_of
from tests.end_to_end.sessions import PATIENT, Told, failures, report
from tests.end_to_end.wire import STALLED, STALLED_BODY, Say, Wirer, answer
from verto_resilience import CircuitOpenError, Event, RefusedCredentials, State
from verto_resilience.pipeline import CallEnded, End, OutcomeUnknown, PauseBegan, WaitBegan
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.end_to_end

# httpx and httpcore put generators into generators, and of these none ends those within it. trio
# ends them when they are collected, and says so: of ours none may be among them.
theirs = pytest.mark.filterwarnings(r"ignore:Async generator 'http(x|core)\.:ResourceWarning")
ON_THIS_HOST = {"verto_hosts": ("127.0.0.1",)}


class Awaited:
    """An observer that lets a task wait for an event of a kind."""

    def __init__(self, kind: type[Any]) -> None:
        """Listen for it, in this loop."""
        self._kind = kind
        self.came = anyio.Event()

    def on_event(self, event: Event) -> None:
        """Take note."""
        if isinstance(event, self._kind):
            self.came.set()


async def cancelled(client: httpx.AsyncClient, method: str, url: str, after: float) -> None:
    """Call, and cancel it."""
    with anyio.move_on_after(after) as scope:
        await client.request(method, url)
    assert scope.cancelled_caught


def test_others_run_while_a_call_waits(task_client: TaskClients, wired: Wirer, run: Run) -> None:
    """A wait of half a second stops nobody: another task goes on all the time."""
    wire = wired(answer(status=429, head="Retry-After: 1\r\n"), answer())
    ticks: list[float] = []

    async def tick() -> None:
        while True:
            ticks.append(time.monotonic())
            await anyio.sleep(0.01)

    async def main() -> None:
        async with task_client() as sender, anyio.create_task_group() as tasks:
            tasks.start_soon(tick)
            response = await sender.get(wire.url)
            assert response.status_code == 200
            tasks.cancel_scope.cancel()

    run(main)

    assert wire.heard[1].arrived - wire.heard[0].arrived >= 1.0
    assert len(ticks) > 20


def test_many_calls_go_on_at_once(task_client: TaskClients, wired: Wirer, run: Run) -> None:
    """Thirty calls that each wait for a resend take little longer than one."""
    wire = wired(*[answer(status=503)] * 30)

    async def main() -> None:
        settings = PATIENT | {"max_attempts": 10}
        async with task_client(**settings) as sender, anyio.create_task_group() as tasks:
            for _ in range(30):
                tasks.start_soon(sender.get, wire.url)

    began = time.monotonic()
    run(main)

    assert len(wire.heard) == 60
    assert time.monotonic() - began < 5.0


@pytest.mark.parametrize("stalled", [STALLED, STALLED_BODY], ids=["headers", "body"])
def test_a_cancelled_call_counts_for_nothing(
    task_client: TaskClients, wired: Wirer, run: Run, stalled: Say
) -> None:
    """It ends as interrupted; the circuit has seen no call, and the pool has its connection."""
    wire = wired(stalled)
    heard = Told()

    async def main() -> None:
        async with task_client(observer=heard) as sender:
            await cancelled(sender, "GET", wire.url, 0.3)

            stands = circuit(sender, wire.url)
            assert (stands.calls, stands.failures, stands.in_flight) == (0, 0, 0)
            assert busy(sender) == 0

    run(main)

    (ended,) = heard.of(CallEnded)
    assert ended.report.end is End.INTERRUPTED
    assert len(wire.heard) == 1


class Endless(httpx.AsyncByteStream):
    """A body that never comes, and notes that it is closed."""

    def __init__(self) -> None:
        """Start open."""
        self.closed = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Wait for ever."""
        await anyio.sleep_forever()
        yield b""

    async def aclose(self) -> None:
        """Take note, after letting others run, as closing a connection does."""
        await anyio.lowlevel.checkpoint()
        self.closed += 1


@pytest.mark.parametrize("by_the_caller", [True, False], ids=["cancelled", "late"])
def test_a_foreign_transport_s_body_is_closed_as_well(
    task_client: TaskClients, run: Run, by_the_caller: bool
) -> None:
    """Nobody else closes what a task was reading when it was cancelled, or ran out of time."""
    endless = Endless()
    inner = httpx.MockTransport(lambda request: httpx.Response(200, stream=endless))
    seconds = 60.0 if by_the_caller else 0.3
    times = dict.fromkeys(("call_timeout", "connect_timeout", "read_timeout"), seconds)

    async def main() -> None:
        async with task_client(inner=inner, **times) as sender:
            if by_the_caller:
                await cancelled(sender, "GET", "https://api.far.invalid/", 0.1)
            else:
                with pytest.raises(httpx.TimeoutException):
                    await sender.get("https://api.far.invalid/")

    run(main)

    assert endless.closed == 1


@pytest.mark.parametrize("by_the_caller", [True, False], ids=["cancelled", "late"])
def test_a_connection_in_its_handshake_is_closed(
    task_client: TaskClients, wired: Wirer, run: Run, by_the_caller: bool
) -> None:
    """A server that says nothing there leaves nothing to the garbage collector."""
    url = wired(at_the_door=STALLED).url.replace("http", "https", 1)
    seconds = 60.0 if by_the_caller else 0.3
    times = dict.fromkeys(("call_timeout", "connect_timeout", "read_timeout"), seconds)

    async def main() -> None:
        async with task_client(inner=httpx.AsyncHTTPTransport(), **times) as sender:
            if by_the_caller:
                await cancelled(sender, "GET", url, 0.2)
            else:
                with pytest.raises(httpx.ConnectTimeout):
                    await sender.get(url)

    with warnings.catch_warnings(record=True, action="always") as told:
        run(main)
        gc.collect()

    assert [each for each in told if issubclass(each.category, ResourceWarning)] == []


def test_a_cancelled_write_is_in_doubt(task_client: TaskClients, wired: Wirer, run: Run) -> None:
    """The server may have executed it, and whoever listens is told so."""
    wire = wired(STALLED)
    heard = Told()

    async def main() -> None:
        async with task_client(observer=heard) as sender:
            await cancelled(sender, "POST", wire.url, 0.3)

    run(main)

    assert len(heard.of(OutcomeUnknown)) == 1


def test_a_cancelled_probe_frees_its_place(
    task_client: TaskClients, wired: Wirer, run: Run
) -> None:
    """A half-open circuit lets the next one try, when the task of the one before is gone."""
    wire = wired(*[answer(status=503)] * 5, STALLED)

    async def main() -> None:
        async with task_client(max_attempts=1) as sender:
            for _ in range(5):
                await sender.get(wire.url)
            with pytest.raises(CircuitOpenError):
                await sender.get(wire.url)
            await anyio.sleep(circuit(sender, wire.url).open_for + 0.01)
            await cancelled(sender, "GET", wire.url, 0.3)

            assert circuit(sender, wire.url).state is State.HALF_OPEN
            assert (await sender.get(wire.url)).status_code == 200

    run(main)


def test_a_call_cancelled_in_its_wait_frees_what_it_held(
    task_client: TaskClients, wired: Wirer, run: Run
) -> None:
    """The answer that was kept in case the resend is refused goes with the task."""
    wire = wired(answer(b"x" * 100, status=503, head="Retry-After: 9\r\n"))

    async def main() -> None:
        async with task_client() as sender:
            request = sender.build_request("GET", wire.url, extensions=STREAM)
            with anyio.move_on_after(0.3) as scope:
                await sender.send(request, stream=True)

            assert scope.cancelled_caught
            assert busy(sender) == 0

    run(main)


def test_a_connection_is_used_again(task_client: TaskClients, wired: Wirer, run: Run) -> None:
    """A body that was read for its attempt leaves its connection to the next one."""
    wire = wired(answer(b"one"), answer(b"two"))

    async def main() -> None:
        async with task_client() as sender:
            assert [(await sender.get(wire.url)).text for _ in range(2)] == ["one", "two"]

    run(main)

    assert wire.connections == 1


def test_a_refused_stream_frees_its_connection_before_the_resend(
    task_client: TaskClients, wired: Wirer, run: Run
) -> None:
    """A pool of one connection has room for the resend of a call whose body was not read."""
    wire = wired(answer(b"x" * 100, status=503), answer(b"fine"))

    async def main() -> None:
        one = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=1))
        async with task_client(inner=one) as sender:
            request = sender.build_request("GET", wire.url, timeout=1.0, extensions=STREAM)
            response = await sender.send(request, stream=True)
            assert await response.aread() == b"fine"

    run(main)

    assert wire.connections == 1


@theirs
def test_what_is_not_read_can_be_closed(task_client: TaskClients, wired: Wirer, run: Run) -> None:
    """A stream left with its rest on the wire leaves no generator for the garbage collector."""
    chunk = b"2710\r\n" + b"x" * 10_000 + b"\r\n"
    wire = wired(
        Say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", over=chunk, every=0.05)
    )

    async def main() -> None:
        async with task_client(body_limit=1000) as sender:
            async with sender.stream("GET", wire.url):
                pass
            assert busy(sender) == 0
            gc.collect()
            await anyio.lowlevel.checkpoint()

    run(main)


@theirs
def test_a_long_answer_that_is_not_returned_is_cut_off(
    task_client: TaskClients, wired: Wirer, run: Run
) -> None:
    """It is read up to the bound for that, and its connection is given up."""
    wire = wired(answer(b"x" * 500_000, status=503), answer(b"fine"))

    async def main() -> None:
        async with task_client(drain_limit=1000) as sender:
            request = sender.build_request("GET", wire.url, extensions=STREAM)
            response = await sender.send(request, stream=True)
            assert await response.aread() == b"fine"
            gc.collect()
            await anyio.lowlevel.checkpoint()

    run(main)

    assert wire.connections == 2


def test_a_call_whose_attempt_runs_out_of_time_is_told_as_a_timeout(
    task_client: TaskClients, wired: Wirer, run: Run
) -> None:
    """The deadline of the call is no cancellation: it is raised as httpx raises a timeout."""
    wire = wired(Say(b"HTTP/1.1 200 OK\r\n", over=b"X: x\r\n", every=0.05))

    async def main() -> None:
        times = dict.fromkeys(("call_timeout", "connect_timeout", "read_timeout"), 0.4)
        async with task_client(**times) as sender:
            with pytest.raises(httpx.ReadTimeout) as late:
                await sender.get(wire.url)

            assert late.value.request.url == wire.url
            assert busy(sender) == 0

    run(main)


def test_closing_ends_the_waits(task_client: TaskClients, wired: Wirer, run: Run) -> None:
    """A call that waits to be sent again ends with its last answer when its client is closed."""
    wire = wired(answer(status=503, head="Retry-After: 20\r\n"))
    ended: list[httpx.Response] = []

    async def main() -> None:
        waits = Awaited(WaitBegan)
        sender = task_client(observer=waits)

        async def call() -> None:
            ended.append(await sender.get(wire.url))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            await waits.came.wait()
            # It is told before it begins to wait.
            await anyio.wait_all_tasks_blocked()
            await sender.aclose()

    began = time.monotonic()
    run(main)

    assert (ended[0].status_code, report(ended[0]).end) == (503, End.INTERRUPTED)
    assert time.monotonic() - began < 10.0


def test_calls_of_all_tasks_are_paused_together(
    task_client: TaskClients, wired: Wirer, run: Run
) -> None:
    """One 429 with a time holds back every call to its origin, and none comes earlier."""
    wire = wired(answer(status=429, head="Retry-After: 1\r\n"))

    async def main() -> None:
        pauses = Awaited(PauseBegan)
        async with task_client(observer=pauses) as sender, anyio.create_task_group() as tasks:
            tasks.start_soon(sender.get, wire.url)
            await pauses.came.wait()
            for _ in range(3):
                tasks.start_soon(sender.get, wire.url)

    run(main)

    first, *others = wire.heard
    assert len(others) == 4
    assert all(other.arrived - first.arrived >= 1.0 for other in others)


def test_an_asynchronous_hook_renews_credentials_once_for_all(
    task_client: TaskClients, verto: Sandbox, run: Run
) -> None:
    """Tasks that were refused alike wait for one asking, and go on with what it gave."""
    verto.script(None, [Reply(401)] * 5)
    asked: list[RefusedCredentials] = []

    async def renew(refused: RefusedCredentials) -> str:
        asked.append(refused)
        await anyio.sleep(0.3)
        return "Bearer new"

    async def main() -> None:
        async with (
            task_client(refresh=renew, **ON_THIS_HOST) as sender,
            anyio.create_task_group() as tasks,
        ):
            sender.headers["Authorization"] = "Bearer old"
            for _ in range(5):
                tasks.start_soon(sender.get, f"{verto.url}/status/200")

    run(main)

    carried = [arrival.headers["Authorization"] for arrival in verto.log]
    assert [one.authorization for one in asked] == ["Bearer old"]
    assert sorted(carried) == ["Bearer new"] * 5 + ["Bearer old"] * 5


def test_a_hook_that_blocks_is_called_in_a_thread(
    task_client: TaskClients, verto: Sandbox, run: Run
) -> None:
    """A function that waits in the way of threads does not stop the loop."""
    verto.script(None, [Reply(401)])
    threads: list[int] = []

    def renew(refused: RefusedCredentials) -> str:
        threads.append(threading.get_ident())
        return "Bearer new"

    async def main() -> None:
        async with task_client(refresh=renew, **ON_THIS_HOST) as sender:
            response = await sender.get(f"{verto.url}/status/200")
            assert response.status_code == 200

    run(main)

    assert len(threads) == 1
    assert threads[0] != threading.get_ident()


def test_the_settings_can_be_changed_while_it_runs(
    task_client: TaskClients, wired: Wirer, run: Run
) -> None:
    """The next call goes by the new ones, and the circuit keeps what it knows."""
    wire = wired(*[answer(status=503)] * 2)

    async def main() -> None:
        async with task_client() as sender:
            transport = transport_of(sender)
            transport.reconfigure(replace(transport.policy, max_attempts=1))

            assert (await sender.get(wire.url)).status_code == 503

    run(main)

    assert len(wire.heard) == 1


def test_a_task_need_not_decode_what_it_streams(
    run: Run, task_client: TaskClients, wired: Wirer
) -> None:
    """Bytes that are not what their headers say come through as they are, from one attempt."""
    wire = wired(answer(b"no gzip", head="Content-Encoding: gzip\r\n"))

    async def main() -> None:
        async with task_client() as sender, sender.stream("POST", wire.url) as response:
            body = b"".join([piece async for piece in response.aiter_raw()])

        assert body == b"no gzip"
        assert failures(response) == [None]

    run(main)


@theirs
@pytest.mark.parametrize("fault", [None, STALLED_BODY], ids=["whole", "stalled"])
def test_a_task_reads_a_401_for_which_there_is_nothing_new(
    run: Run, task_client: TaskClients, wired: Wirer, fault: Say | None
) -> None:
    """What it said is kept while the hook is asked; what did not come is not taken for whole."""
    said = answer(b"refused", status=401)
    if fault is not None:
        said = replace(fault, data=fault.data.replace(b" 200 ", b" 401 "))
    wire = wired(said)

    async def main() -> None:
        asked = {"refresh": lambda refused: None, **ON_THIS_HOST}
        async with (
            task_client(**asked) as sender,
            sender.stream("GET", wire.url, extensions=STREAM) as response,
        ):
            assert response.status_code == 401
            if fault is None:
                assert await response.aread() == b"refused"
            else:
                with pytest.raises(httpx.ReadError, match="credentials"):
                    await response.aread()
            assert busy(sender) == 0

    run(main)
