"""What mounting does with the store of a policy, as far as that needs none."""

import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests

import verto_resilience
from verto_resilience import ConfigurationError, Policy, VertoAdapter
from verto_resilience.config import open_store

STORE = "unix:///nowhere/redis.sock"


def test_without_a_store_nothing_of_it_is_loaded() -> None:
    """Neither the package nor redis-py, and no thread."""
    code = (
        "import sys, threading, requests, verto_resilience\n"
        "session = verto_resilience.mount(requests.Session())\n"
        "assert 'redis' not in sys.modules\n"
        "assert 'verto_resilience.state' not in sys.modules\n"
        "assert threading.active_count() == 1\n"
    )

    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_store_without_the_extra_is_one_clear_error() -> None:
    """It says what to install."""
    code = (
        "import sys\n"
        "sys.modules['redis'] = None\n"
        "import requests, verto_resilience\n"
        "verto_resilience.mount(requests.Session(), policy=verto_resilience.Policy("
        f"store={STORE!r}))\n"
    )

    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )

    assert ran.stderr.splitlines()[-1] == (
        "verto_resilience.ConfigurationError: "
        "the store needs redis: pip install '.[redis]' from a clone"
    )


def test_a_folder_called_redis_is_not_taken_for_the_extra(tmp_path: Path) -> None:
    """Where a program stands beside a folder with a server's files, it is the same clear error."""
    (tmp_path / "redis").mkdir()
    code = (
        "import importlib.machinery, sys\n"
        "class Folder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'redis':\n"
        "            return importlib.machinery.PathFinder.find_spec(name, ['.'])\n"
        "sys.meta_path.insert(0, Folder())\n"
        "import requests, verto_resilience\n"
        "try:\n"
        "    verto_resilience.mount(requests.Session())\n"
        "except verto_resilience.ConfigurationError as refused:\n"
        "    print(refused)\n"
    )

    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=tmp_path,
        env=os.environ | {"VERTO_RESILIENCE_STORE": STORE},
    )

    assert ran.stdout == "the store needs redis: pip install '.[redis]' from a clone\n"
    assert not ran.stderr


def test_adapters_with_the_same_store_share_one() -> None:
    """There is one thread for each process and store, however many sessions there are."""
    one, same = Policy(store=STORE), Policy(store=STORE, max_attempts=1)
    other = Policy(store=STORE, store_namespace="other")

    first = open_store(one)

    assert first is not None
    assert open_store(same) is first
    assert open_store(other) is not first


def test_a_store_is_found_again_after_pickling() -> None:
    """An adapter that goes to another process shares its verdicts from there."""
    adapter = VertoAdapter(policy=Policy(store=STORE))

    restored = pickle.loads(pickle.dumps(adapter))  # noqa: S301 - made here

    assert restored.circuits.newcomers is not None


def test_thrown_the_kill_switch_leaves_the_store_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is connected for what is switched off."""
    monkeypatch.setenv("VERTO_RESILIENCE_DISABLED", "true")
    monkeypatch.setenv("VERTO_RESILIENCE_STORE", STORE)

    assert VertoAdapter().circuits.newcomers is None


def test_a_store_may_come_and_go_while_running(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings read anew hold for the next call; one that cannot be changes nothing."""
    adapter = VertoAdapter()
    assert adapter.circuits.newcomers is None

    monkeypatch.setenv("VERTO_RESILIENCE_STORE", STORE)
    adapter.reload()
    member: object = adapter.circuits.newcomers
    assert member is not None

    adapter.reload()
    assert adapter.circuits.newcomers is member

    monkeypatch.setenv("VERTO_RESILIENCE_STORE", "http://nowhere")
    with pytest.raises(ConfigurationError):
        adapter.reload()
    assert adapter.circuits.newcomers is member

    monkeypatch.delenv("VERTO_RESILIENCE_STORE")
    adapter.reload()
    assert adapter.circuits.newcomers is None


def test_mounting_starts_no_thread() -> None:
    """The first call does."""
    before = threading.active_count()

    with requests.Session() as session:
        verto_resilience.mount(session, policy=Policy(store=STORE))

        assert threading.active_count() == before
