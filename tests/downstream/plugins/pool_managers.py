"""Puts pool managers of ours in the place of urllib3's, for code that imports them from now on."""

from typing import Any

import requests  # noqa: F401 - its adapters keep the plain ones: sessions are mounted on
import urllib3
import urllib3.poolmanager

from verto_resilience import Policy, VertoPoolManager

_ProxyManager = urllib3.ProxyManager


def replace(policy: Policy | None) -> None:
    """Have each new pool manager go by this policy; ``None`` is the one that users get."""

    class PoolManager(VertoPoolManager):
        def __init__(self, *args: Any, **kw: Any) -> None:
            super().__init__(*args, policy=policy, **kw)

    class ProxyManager(VertoPoolManager):
        def __init__(self, *args: Any, **kw: Any) -> None:
            super().__init__(inner=_ProxyManager(*args, **kw), policy=policy)

    def proxy_from_url(url: str, **kw: Any) -> ProxyManager:
        return ProxyManager(proxy_url=url, **kw)

    stand_ins = {
        "PoolManager": PoolManager,
        "ProxyManager": ProxyManager,
        "proxy_from_url": proxy_from_url,
    }
    for name, stand_in in stand_ins.items():
        setattr(urllib3, name, stand_in)
        setattr(urllib3.poolmanager, name, stand_in)
