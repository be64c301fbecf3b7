"""What runs inside the server: a script for each verb, so that what is compared is what is written.

All verdicts of a namespace are fields of one hash: ``c:`` a circuit, ``p:`` a pause, ``l:`` the
lease of a probe, each followed by its key; ``n`` is the newest generation. A value is ``generation
word until since expires trips about``, instants in milliseconds of the server's clock. What a
stranger has put there is overwritten or passed over, and never trusted to be a number.

They run on Redis 7.0 and Valkey, and need no more rights than the commands in them.
"""

import hashlib
from dataclasses import dataclass, field

MOST_FIELDS = 2000
"""Fields that a namespace may have; past it a new one is refused."""

LONGEST_KEY = 512
LONGEST_ABOUT = 512

SLACK = 60_000
"""Milliseconds that a generation may be ahead of the server's clock: no failover is off by more."""

_PRELUDE = f"""\
local key = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local is_hash = redis.call('TYPE', key).ok
local function newest()
  local found = tonumber(redis.call('HGET', key, 'n') or 0) or 0
  if found ~= found or found < 0 or found > now + {SLACK} then return 0 end
  return math.floor(found)
end
local function read(value)
  if not value then return nil end
  local g, w, u, s, e, t, a = string.match(value, '^(%d+) (%l+) (%d+) (%d+) (%d+) (%d+) (.*)$')
  if not g or #g > 15 or #u > 15 or #e > 15 then return nil end
  local found = {{generation = tonumber(g), word = w, ends = tonumber(u), expires = tonumber(e),
    about = a, raw = value}}
  if found.expires <= now or found.generation > now + {SLACK} then return nil end
  return found
end
local function live(name)
  return read(redis.call('HGET', key, name))
end
"""

_WRITING = f"""\
local channel = ARGV[1]
if is_hash ~= 'hash' and is_hash ~= 'none' then redis.call('DEL', key) end
local function tell(generation)
  redis.call('HSET', key, 'n', string.format('%.0f', generation))
  redis.call('PUBLISH', channel, string.format('%.0f', generation))
  return generation
end
local function write(name, known, word, length, linger, trips, about)
  if redis.call('HEXISTS', key, name) == 0 and redis.call('HLEN', key) >= {MOST_FIELDS} then
    for _, other in ipairs(redis.call('HKEYS', key)) do
      if other ~= 'n' and not live(other) then redis.call('HDEL', key, other) end
    end
    if redis.call('HLEN', key) >= {MOST_FIELDS} then return nil end
  end
  local generation = math.max(now, newest() + 1, known + 1)
  redis.call('HSET', key, name, string.format('%.0f %s %.0f %.0f %.0f %d %s', generation, word,
    now + length, now, now + length + linger, trips, about))
  if redis.call('PTTL', key) < length + linger then
    redis.call('PEXPIRE', key, length + linger)
  end
  return tell(generation)
end
"""

_READ = f"""\
if is_hash == 'none' then return {{now, 0, {{}}, 0}} end
if is_hash ~= 'hash' then return {{now, 0, {{}}, 1}} end
local last = newest()
if last > 0 and ARGV[1] == string.format('%.0f', last) then return {{now, last}} end
if redis.call('HLEN', key) > {2 * MOST_FIELDS} then return {{now, last, {{}}, 1}} end
local found, odd = {{}}, 0
for _, name in ipairs(redis.call('HKEYS', key)) do
  if name ~= 'n' then
    if #name > {LONGEST_KEY + 2} or redis.call('HSTRLEN', key, name) > {LONGEST_ABOUT + 128} then
      odd = odd + 1
    else
      found[#found + 1] = name
      found[#found + 1] = redis.call('HGET', key, name)
    end
  end
end
return {{now, last, found, odd}}
"""

_SAY = """\
local circuit, known, owner = ARGV[2], tonumber(ARGV[3]), ARGV[9]
local current = live('c:' .. circuit)
if known >= 0 and current and current.generation > known then return {0, now, current.raw} end
local generation = write('c:' .. circuit, math.max(known, 0), ARGV[4], tonumber(ARGV[5]),
  tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8])
if not generation then return {-1, now} end
local lease = live('l:' .. circuit)
if lease and (known < 0 or lease.about == owner) then redis.call('HDEL', key, 'l:' .. circuit) end
return {generation, now}
"""

_PAUSE = """\
local origin, length = ARGV[2], tonumber(ARGV[4])
local current = live('p:' .. origin)
if ARGV[3] == 'paused' and current and current.ends >= now + length then
  return {0, now}
end
return {write('p:' .. origin, 0, ARGV[3], length, tonumber(ARGV[5]), 0, ARGV[6]) or -1, now}
"""

_CLAIM = """\
local circuit, known, owner, early = ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[6] == '1'
local current = live('c:' .. circuit)
local is_open = current and current.word == 'open' and current.ends > now
if current and (current.generation > known or (is_open and not early)) then
  return {0, now, current.raw}
end
local lease, length = live('l:' .. circuit), tonumber(ARGV[5])
local is_others = lease and lease.about ~= owner and lease.ends <= now + length
if is_others then return {-2, now, lease.raw} end
if is_open then length = math.min(length, current.ends - now) end
return {write('l:' .. circuit, 0, 'leased', length, 0, 0, owner) or -1, now}
"""

_GIVE_BACK = """\
local lease = live('l:' .. ARGV[2])
if not lease or lease.about ~= ARGV[3] then return {0, now} end
redis.call('HDEL', key, 'l:' .. ARGV[2])
return {tell(math.max(now, newest() + 1)), now}
"""

_TRY = """\
redis.call('HSET', key, 'n', string.format('%.0f', newest()))
if redis.call('PTTL', key) < 0 then redis.call('PEXPIRE', key, 60000) end
return {redis.call('PUBLISH', channel, '0'), now}
"""


@dataclass(frozen=True, slots=True)
class Script:
    """A script and the name under which the server keeps it."""

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        """Work out the name."""
        digest = hashlib.sha1(self.text.encode(), usedforsecurity=False)
        object.__setattr__(self, "sha", digest.hexdigest())


READ = Script(_PRELUDE + _READ)
"""``since`` -> ``{now, newest[, names and values, how many were passed over]}``.

Nothing follows the newest generation when that is ``since``.
"""

SAY = Script(_PRELUDE + _WRITING + _SAY)
"""``channel, circuit, known, word, length, linger, trips, about, owner`` -> ``{generation, now}``.

Generation 0: there is a newer verdict, which follows. -1: the namespace is full. A ``known`` of -1
is a person's word, which goes before everything.
"""

PAUSE = Script(_PRELUDE + _WRITING + _PAUSE)
"""``channel, origin, word, length, linger, about`` -> ``{generation, now}``.

Generation 0: it is paused for longer already. -1: full.
"""

CLAIM = Script(_PRELUDE + _WRITING + _CLAIM)
"""``channel, circuit, known, owner, length, early`` -> ``{generation, now[, value]}``.

Generation 0: not now, for the verdict that follows. -1: full. -2: another has the lease, which
follows; one that ends later than ``length`` from now is nobody's. With ``early``, 1 or 0, it may be
had before the break is over, by one who knows of it, and ends with the break at the latest.
"""

GIVE_BACK = Script(_PRELUDE + _WRITING + _GIVE_BACK)
"""``channel, circuit, owner`` -> ``{generation, now}``; 0 when it had no such lease."""

TRY = Script(_PRELUDE + _WRITING + _TRY)
"""``channel`` -> ``{..., now}``: whether all that the others need may be done here."""
