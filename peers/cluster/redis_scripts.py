"""What a Redis or Valkey is asked to do, in Lua: each script is one short request.

``KEYS[1]`` is the prefix of all keys, in braces, so that a cluster keeps them together. Epochs are
kept as text of digits: Lua's own text of a large number has an exponent.

===================  ==========  ================================================================
key                  type        what
===================  ==========  ================================================================
``:node:INCARNATION``  text      how to reach a node, for as long as its lease lasts
``:owners``          set         incarnations that own rooms; "" for rooms given away
``:rooms:OWNER``     set         the codes of its rooms
``:room:CODE``       hash        kind, owner, epoch; what a ``RoomState`` has
``:snapshot:CODE``   text        what was saved last
``:list:KIND``       sorted set  the codes of public rooms, by code
``:held:CODE``       sorted set  reservations, by when they expire
``:epoch``           number      the newest
``:secret``          text        what signs seats, and words between nodes
===================  ==========  ================================================================
"""

from __future__ import annotations

from typing import Final

_EPOCH: Final = """
local function next_epoch()
  local epoch = redis.call('INCR', KEYS[1] .. ':epoch')
  local time = redis.call('TIME')
  local ms = time[1] * 1000 + math.floor(time[2] / 1000)
  if ms > epoch then
    epoch = ms
    redis.call('SET', KEYS[1] .. ':epoch', string.format('%.0f', epoch))
  end
  return string.format('%.0f', epoch)
end
local function give(code, from, to)
  redis.call('SREM', KEYS[1] .. ':rooms:' .. from, code)
  redis.call('SADD', KEYS[1] .. ':rooms:' .. to, code)
  redis.call('SADD', KEYS[1] .. ':owners', to)
end
"""

_STATE: Final = """
local function set_state(code, room, kind, at)
  redis.call('HSET', room, 'players', ARGV[at], 'capacity', ARGV[at + 1], 'private', ARGV[at + 2],
    'locked', ARGV[at + 3], 'metadata', ARGV[at + 4], 'base', ARGV[at + 5])
  if ARGV[at + 2] == '1' then
    redis.call('ZREM', KEYS[1] .. ':list:' .. kind, code)
  else
    redis.call('ZADD', KEYS[1] .. ':list:' .. kind, 0, code)
  end
end
"""

_OWNED: Final = """
local code, epoch = ARGV[1], ARGV[2]
local room = KEYS[1] .. ':room:' .. code
local is = redis.call('HMGET', room, 'epoch', 'owner', 'kind')
if is[1] ~= epoch or not is[2] or is[2] == '' or not is[3] then return 0 end
local owner, kind = is[2], is[3]
"""

SHARE: Final = """
redis.call('SET', KEYS[1] .. ':secret', ARGV[1], 'NX')
return redis.call('GET', KEYS[1] .. ':secret')
"""

BEAT: Final = """
local node = KEYS[1] .. ':node:' .. ARGV[1]
local known = redis.call('EXISTS', node)
redis.call('SET', node, ARGV[2], 'PX', ARGV[3])
return known
"""

LEAVE: Final = """
return redis.call('DEL', KEYS[1] .. ':node:' .. ARGV[1])
"""

CLAIM: Final = f"""{_EPOCH}{_STATE}
local code, kind, incarnation = ARGV[1], ARGV[2], ARGV[3]
if redis.call('EXISTS', KEYS[1] .. ':node:' .. incarnation) == 0 then
  return redis.error_reply('NOLEASE this node is not believed in; beat first')
end
local room = KEYS[1] .. ':room:' .. code
local is = redis.call('HMGET', room, 'owner', 'epoch')
if is[1] then
  if is[1] == incarnation and is[2] then return is[2] end
  return '0'
end
local epoch = next_epoch()
redis.call('HSET', room, 'kind', kind, 'owner', incarnation, 'epoch', epoch)
give(code, '', incarnation)
set_state(code, room, kind, 4)
return epoch
"""

TAKE: Final = f"""{_EPOCH}
local code, incarnation = ARGV[1], ARGV[2]
if redis.call('EXISTS', KEYS[1] .. ':node:' .. incarnation) == 0 then return false end
local room = KEYS[1] .. ':room:' .. code
local is = redis.call('HMGET', room, 'owner', 'epoch', 'kind')
local owner, epoch, kind = is[1], is[2], is[3]
if not owner or not kind then return false end
if owner ~= incarnation then
  if owner ~= '' and redis.call('EXISTS', KEYS[1] .. ':node:' .. owner) == 1 then return false end
  epoch = next_epoch()
  redis.call('HSET', room, 'owner', incarnation, 'epoch', epoch)
  give(code, owner, incarnation)
end
return {{kind, epoch, redis.call('GET', KEYS[1] .. ':snapshot:' .. code) or ''}}
"""

_ENTRY: Final = """
local function entry(code)
  local room = KEYS[1] .. ':room:' .. code
  local is = redis.call('HMGET', room, 'kind', 'epoch', 'players', 'capacity', 'private', 'locked',
    'metadata', 'base', 'owner')
  for n = 1, 9 do
    if not is[n] then return false end
  end
  return {code, unpack(is)}
end
"""

FIND: Final = f"""{_ENTRY}
local found = entry(ARGV[1])
if not found then return false end
if found[10] == '' then
  found[10] = false
else
  found[10] = redis.call('GET', KEYS[1] .. ':node:' .. found[10])
end
if not found[10] then found[10] = '' end
return found
"""

CHANGE: Final = f"""{_STATE}{_OWNED}
set_state(code, room, kind, 3)
return 1
"""

SAVE: Final = f"""{_OWNED}
redis.call('SET', KEYS[1] .. ':snapshot:' .. code, ARGV[3])
return 1
"""

RELEASE: Final = f"""{_EPOCH}{_OWNED}
redis.call('HSET', room, 'owner', '')
give(code, owner, '')
return 1
"""

DROP: Final = f"""{_OWNED}
redis.call('DEL', room, KEYS[1] .. ':snapshot:' .. code, KEYS[1] .. ':held:' .. code)
redis.call('SREM', KEYS[1] .. ':rooms:' .. owner, code)
redis.call('ZREM', KEYS[1] .. ':list:' .. kind, code)
return 1
"""

ORPHANS: Final = """
local found, most = {}, tonumber(ARGV[1])
for _, owner in ipairs(redis.call('SMEMBERS', KEYS[1] .. ':owners')) do
  if owner == '' or redis.call('EXISTS', KEYS[1] .. ':node:' .. owner) == 0 then
    local rooms = KEYS[1] .. ':rooms:' .. owner
    local codes = redis.call('SRANDMEMBER', rooms, most)
    if #codes == 0 then redis.call('SREM', KEYS[1] .. ':owners', owner) end
    for _, code in ipairs(codes) do
      local kind = redis.call('HGET', KEYS[1] .. ':room:' .. code, 'kind')
      if not kind then
        redis.call('SREM', rooms, code)
      elseif #found < 2 * most then
        found[#found + 1] = code
        found[#found + 1] = kind
      end
    end
  end
end
return found
"""

PAGE: Final = f"""{_ENTRY}
local list, from, most = KEYS[1] .. ':list:' .. ARGV[1], '-', tonumber(ARGV[3])
if ARGV[2] ~= '' then from = '(' .. ARGV[2] end
local codes = redis.call('ZRANGEBYLEX', list, from, '+', 'LIMIT', 0, most + 1)
local page, cursor = {{}}, ''
for n, code in ipairs(codes) do
  if n > most then
    cursor = codes[most]
  else
    local found = entry(code)
    if found then
      page[#page + 1] = found
    else
      redis.call('ZREM', list, code)
    end
  end
end
return {{cursor, page}}
"""

RESERVE: Final = """
local room, held = KEYS[1] .. ':room:' .. ARGV[1], KEYS[1] .. ':held:' .. ARGV[1]
local is = redis.call('HMGET', room, 'players', 'capacity', 'locked')
if not is[1] or not is[2] or is[3] ~= '0' then return 0 end
local time = redis.call('TIME')
local ms = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', held, '-inf', ms)
local others = redis.call('ZCARD', held)
if redis.call('ZSCORE', held, ARGV[2]) then others = others - 1 end
local capacity = tonumber(is[2])
if capacity > 0 and tonumber(is[1]) + others >= capacity then return 0 end
redis.call('ZADD', held, ms + tonumber(ARGV[3]), ARGV[2])
redis.call('PEXPIRE', held, 2 * tonumber(ARGV[3]) + 60000)
return 1
"""

FULFIL: Final = """
local held = KEYS[1] .. ':held:' .. ARGV[1]
local until_ms = redis.call('ZSCORE', held, ARGV[2])
if not until_ms then return 0 end
redis.call('ZREM', held, ARGV[2])
local time = redis.call('TIME')
if tonumber(until_ms) <= time[1] * 1000 + math.floor(time[2] / 1000) then return 0 end
return 1
"""

ALL: Final = (
    SHARE,
    BEAT,
    LEAVE,
    CLAIM,
    TAKE,
    FIND,
    CHANGE,
    SAVE,
    RELEASE,
    DROP,
    ORPHANS,
    PAGE,
    RESERVE,
    FULFIL,
)
