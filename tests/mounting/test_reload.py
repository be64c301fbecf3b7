import copy
import gc
import os
import pickle
import subprocess
import sys
import threading
import warnings
import weakref
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3.util import Retry

from verto_resilience import ConfigurationError, Policy, VertoAdapter, load_policy, mount
from verto_resilience.machines import Mode, State

HERE = "https://api.example.com"
KEY = f"{HERE}:443"


FORKED = """
import os, sys
from verto_resilience import VertoAdapter

adapter = VertoAdapter()
with adapter._assembly._swapping:
    child = os.fork()
    if not child:
        adapter.reload()
        os._exit(7)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


class Inner(BaseAdapter):
    """Answers without a wire, and keeps the timeouts that it was given."""

    def __init__(self, *statuses: int) -> None:
        """Answer with these, then with 200."""
        super().__init__()
        self.statuses = list(statuses)
        self.timeouts: list[Any] = []

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        """Answer."""
        self.timeouts.append(options["timeout"])
        response = requests.Response()
        response.status_code = self.statuses.pop(0) if self.statuses else 200
        response._content = b""
        response.request = request
        response.url = request.url or ""
        return response

    def close(self) -> None:
        """Have nothing to close."""


def _send(adapter: BaseAdapter) -> int:
    prepared = requests.Request("GET", f"{HERE}/x").prepare()
    return adapter.send(prepared).status_code


def _mounted(session: requests.Session) -> VertoAdapter:
    adapter = session.get_adapter(HERE)
    assert isinstance(adapter, VertoAdapter)
    return adapter


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a policy file that the environment names."""
    path = tmp_path / "policy.toml"
    path.write_text("max_attempts = 5\n")
    monkeypatch.setenv("VERTO_RESILIENCE_POLICY_FILE", str(path))
    return path


class TestReload:
    """``VertoAdapter.reload``."""

    def test_it_reads_the_file_anew(self, file: Path) -> None:
        """What the file says now is in force, and given back."""
        adapter = VertoAdapter(inner=Inner())
        file.write_text("max_attempts = 6\n")

        policy = adapter.reload()

        assert policy.max_attempts == 6
        assert adapter.policy is policy

    def test_it_reads_the_environment_anew(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A variable that was set since is in force."""
        inner = Inner()
        adapter = VertoAdapter(inner=inner)
        monkeypatch.setenv("VERTO_RESILIENCE_READ_TIMEOUT", "7")

        adapter.reload()
        _send(adapter)

        assert inner.timeouts[-1] == (3.05, 7.0)

    def test_what_code_says_stays(self, file: Path) -> None:
        """Of a policy written in code only the files that it names are read anew."""
        inner = Inner()
        adapter = VertoAdapter(inner=inner, policy=load_policy(max_attempts=2))
        file.write_text(f'max_attempts = 6\n[origins."{HERE}"]\nread_timeout = 4\n')

        adapter.reload()
        _send(adapter)

        assert adapter.policy.max_attempts == 2
        assert inner.timeouts[-1] == (3.05, 4.0)

    def test_what_is_known_is_kept(self, file: Path) -> None:
        """Circuit, pause and budget of an origin are the same objects, with new numbers."""
        adapter = VertoAdapter(inner=Inner(), policy=None)
        origin = adapter.circuits.at(KEY, 0.0)
        now = adapter.pipeline.clock.monotonic()
        origin.breaker.open(now)
        file.write_text("break_duration = 9\nbreaker_mode = 'observe_only'\n")

        adapter.reload()

        assert adapter.circuits.at(KEY, 0.0) is origin
        assert origin.breaker.state is State.OPEN
        assert origin.breaker.settings.break_duration == 9.0
        assert origin.breaker.mode is Mode.OBSERVE_ONLY

    @pytest.mark.parametrize(
        "text",
        ["max_attempts = 0", "nonsense = 1", "[[", f'[origins."{HERE}"]\nwindow = 0',
         "catalogue = '/nowhere/codes.toml'", "backoff_base = 40"],
    )  # fmt: skip
    def test_what_is_wrong_is_refused_and_the_old_stays(self, file: Path, text: str) -> None:
        """A mistake in the file raises, and nothing at all has changed."""
        adapter = VertoAdapter(inner=Inner())
        pipeline, origin = adapter.pipeline, adapter.circuits.at(KEY, 0.0)
        file.write_text(text)

        with pytest.raises(ConfigurationError):
            adapter.reload()

        assert adapter.pipeline is pipeline
        assert adapter.policy.max_attempts == 5
        assert origin.policy is pipeline.policy
        file.write_text("max_attempts = 4\n")
        assert adapter.reload().max_attempts == 4

    def test_the_catalogue_is_read_anew(self, file: Path, tmp_path: Path) -> None:
        """The file with codes that the settings name is part of what is reloaded."""
        adapter = VertoAdapter(inner=Inner())
        codes = tmp_path / "codes.toml"
        codes.write_text('[[code]]\ncode = 4711\nstatus = 409\ndescription = "Duplicate"\n')
        file.write_text(f"catalogue = '{codes}'\n")

        adapter.reload()

        assert adapter.pipeline.catalogue.code(4711) is not None

    def test_every_adapter_mounted_in_one_go_follows(self, file: Path) -> None:
        """Those that share circuits share settings, before and after."""
        with requests.Session() as session:
            mount(session)
            file.write_text("max_attempts = 6\n")

            _mounted(session).reload()

            adapters = list(session.adapters.values())
            assert all(isinstance(one, VertoAdapter) for one in adapters)
            assert len({one.pipeline for one in adapters if isinstance(one, VertoAdapter)}) == 1
            assert [one.policy.max_attempts for one in adapters] == [6, 6]  # type: ignore[attr-defined]

    def test_nobody_is_kept_alive_to_be_told(self) -> None:
        """An adapter that nobody uses any more is forgotten."""
        first = VertoAdapter(inner=Inner())
        second = weakref.ref(VertoAdapter.around(Inner(), first._assembly))
        gc.collect()

        assert second() is None
        first.reload()

    def test_a_pickled_adapter_can_be_reloaded(self, file: Path) -> None:
        """It goes along with the settings in force, and reads anew where it arrives."""
        adapter = VertoAdapter(inner=HTTPAdapter())
        file.write_text("max_attempts = 6\n")

        copied = pickle.loads(pickle.dumps(adapter))  # noqa: S301 - its own

        assert copied.policy.max_attempts == 5
        assert copied.reload().max_attempts == 6
        assert adapter.policy.max_attempts == 5

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
    def test_a_child_that_was_forked_meanwhile_can_reload(self) -> None:
        """A reload under way at the instant of a fork blocks nobody in the child."""
        ran = subprocess.run([sys.executable, "-c", FORKED], timeout=20, check=False)

        assert ran.returncode == 7


class TestReconfigure:
    """``VertoAdapter.reconfigure``."""

    def test_another_policy_is_in_force(self) -> None:
        """The next call goes by what is given."""
        inner = Inner(503, 503, 503)
        adapter = VertoAdapter(inner=inner, policy=Policy(backoff_base=0.001))

        adapter.reconfigure(Policy(max_attempts=1))

        assert _send(adapter) == 503
        assert len(inner.timeouts) == 1

    def test_none_goes_back_to_the_environment(self, file: Path) -> None:
        """Without a policy the environment and the file are read."""
        adapter = VertoAdapter(inner=Inner(), policy=Policy())

        assert adapter.reconfigure(None).max_attempts == 5

    def test_the_kill_switch_holds_for_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A policy in code is switched off by the variable all the same."""
        adapter = VertoAdapter(inner=Inner(), policy=Policy())
        monkeypatch.setenv("VERTO_RESILIENCE_DISABLED", "true")

        assert adapter.reconfigure(Policy()).disabled

    def test_what_is_no_policy_changes_nothing(self) -> None:
        """A mistake in the argument leaves the old settings in force."""
        adapter = VertoAdapter(inner=Inner(), policy=Policy(max_attempts=2))

        with pytest.raises(TypeError):
            adapter.reconfigure({"max_attempts": 3})  # type: ignore[arg-type]

        assert adapter.policy.max_attempts == 2

    def test_switched_off_and_on_again_the_retries_below_follow(self) -> None:
        """The inner adapter has its own retries while it is alone, and none below ours."""
        inner = HTTPAdapter(max_retries=Retry(2))
        own = inner.max_retries
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("always")
            adapter = VertoAdapter(inner=inner, policy=Policy())
            mounted = inner.max_retries.total

            adapter.reconfigure(Policy(disabled=True))
            alone = inner.max_retries
            adapter.reconfigure(Policy())

        assert mounted == 0
        assert alone is own
        assert inner.max_retries.total == 0
        adapter.close()

    def test_what_was_read_first_does_not_undo_what_came_after(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A reload that is slow to read is overtaken, and leaves the newer settings in force."""
        adapter = VertoAdapter(inner=Inner(), policy=Policy())
        slow = tmp_path / "policy.toml"
        os.mkfifo(slow)
        monkeypatch.setenv("VERTO_RESILIENCE_POLICY_FILE", str(slow))
        got: list[Policy] = []
        thread = threading.Thread(target=lambda: got.append(adapter.reconfigure(None)))
        thread.start()
        with slow.open("w") as end:
            # It reads now, for a pipe opens when both ends are there.
            adapter.reconfigure(Policy(max_attempts=7))
            end.write("max_attempts = 2\n")
        thread.join(10.0)

        assert [policy.max_attempts for policy in got] == [7]
        assert adapter.policy.max_attempts == 7

    def test_a_warning_that_is_an_error_stops_nobody(self) -> None:
        """All adapters that were mounted together have the new settings, whatever one of them says.

        The error is raised all the same: it was asked for.
        """
        session = requests.Session()
        session.mount("http://", HTTPAdapter(max_retries=2))
        session.mount("https://", HTTPAdapter(max_retries=2))
        session.mount("https://third/", HTTPAdapter())
        mount(session, policy=Policy(disabled=True))
        adapters: list[Any] = list(session.adapters.values())

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(UserWarning, match="retries by itself"):
                adapters[0].reconfigure(Policy(max_attempts=4))

        assert {adapter.policy.max_attempts for adapter in adapters} == {4}
        assert {adapter.max_retries.total for adapter in adapters} == {0}

    def test_garbage_may_be_mounted_meanwhile(self) -> None:
        """What is collected while settings are swapped may make adapters as well: nobody hangs."""
        made: list[VertoAdapter] = []

        class Meddling(Inner):
            """Is asked in the midst of the swap, where garbage may be collected."""

            asked = False

            @property
            def max_retries(self) -> Retry:
                if made and not self.asked:
                    self.asked = True
                    made.append(copy.copy(made[0]))
                return Retry(0)

        def swap() -> None:
            made.append(VertoAdapter(inner=Meddling(), policy=Policy(disabled=True)))
            made[0].reconfigure(Policy(max_attempts=3))

        thread = threading.Thread(target=swap, daemon=True)
        thread.start()
        thread.join(10.0)

        assert [adapter.policy.max_attempts for adapter in made] == [3, 3]

    def test_registries_may_be_garbage_too(self) -> None:
        """Mounting while sessions are collected that mount in their turn hangs nobody."""
        script = (
            "import faulthandler, gc, requests\n"
            "from verto_resilience import Policy, mount\n"
            "from verto_resilience.mounting import _assembly\n"
            "faulthandler.dump_traceback_later(30, exit=True)\n"
            "class Dying:\n"
            "    def __init__(self): self.itself = self\n"
            "    def __del__(self): mount(requests.Session(), policy=Policy())\n"
            "class Registries(type(_assembly._registries)):\n"
            "    def add(self, one):\n"
            "        gc.collect()\n"
            "        super().add(one)\n"
            "_assembly._registries = Registries()\n"
            "for _ in range(3):\n"
            "    Dying()\n"
            "    mount(requests.Session(), policy=Policy())\n"
            "print('done')\n"
        )

        ran = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False
        )

        assert (ran.stdout, ran.returncode) == ("done\n", 0), ran.stderr

    def test_a_call_under_way_ends_by_the_settings_it_began_with(self) -> None:
        """Settings that change during a call's first send count for the next call."""
        adapter: VertoAdapter

        class Meddling(Inner):
            def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
                adapter.reconfigure(Policy(max_attempts=1, read_timeout=1.0))
                return super().send(request, **options)

        inner = Meddling(503, 503, 503)
        adapter = VertoAdapter(inner=inner, policy=Policy(backoff_base=0.001, read_timeout=2.0))

        status = _send(adapter)

        assert status == 503
        assert [read for _, read in inner.timeouts] == [2.0, 2.0, 2.0]

    def test_no_call_sees_half_of_each(self) -> None:
        """While threads call, each call has the timeouts of one policy or of the other."""
        policies = [
            Policy(connect_timeout=float(n), read_timeout=float(n), breaker_mode=Mode.OFF)
            for n in (1, 2)
        ]
        inner = Inner()
        adapter = VertoAdapter(inner=inner, policy=policies[0])
        over = threading.Event()

        def swap() -> None:
            while not over.is_set():
                for policy in policies:
                    adapter.reconfigure(policy)

        thread = threading.Thread(target=swap)
        thread.start()
        try:
            for _ in range(300):
                _send(adapter)
        finally:
            over.set()
            thread.join()

        assert {connect == read for connect, read in inner.timeouts} == {True}
