"""Verdicts shared by the processes of a fleet, through a Redis or Valkey."""

from verto_resilience.state._link import LinkError, Place
from verto_resilience.state._member import Member
from verto_resilience.state._operator import Standing, force_open, look, reset, try_store
from verto_resilience.state._records import LONGEST, About, Record, Word, is_key
from verto_resilience.state._store import Store, store_at

__all__ = [
    "LONGEST",
    "About",
    "LinkError",
    "Member",
    "Place",
    "Record",
    "Standing",
    "Store",
    "Word",
    "force_open",
    "is_key",
    "look",
    "reset",
    "store_at",
    "try_store",
]
