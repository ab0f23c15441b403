-- create.lua keeps a new record within bounds.
--
-- ARGV: ID, client, bound altogether, bound per client, expiry and keep in Unix
-- milliseconds, state (unreturned, returned or over), sealed record.
-- It answers "exists" or "full" and changes nothing, or "kept", the seconds and microseconds since
-- 1970, and the IDs that went.
local id, client = ARGV[1], ARGV[2]
local total, per_client = tonumber(ARGV[3]), tonumber(ARGV[4])
local expires, keep = tonumber(ARGV[5]), tonumber(ARGV[6])
local state, sealed = ARGV[7], ARGV[8]

-- EVICTIONS bounds what one call removes of each sort. One makes room; the second
-- is for bounds that were lowered.
local EVICTIONS = 2

-- crowded returns the client that has to make room, with the new record counted in.
local function crowded()
  if holds(client) > per_client then
    return client
  end
  if redis.call('ZCARD', OPEN) > total then
    local heaviest = redis.call('ZRANGE', LOAD, 0, 0)[1]
    -- Where no client has a record that may go, this client has none either.
    return heaviest and string.sub(heaviest, DIGITS + 1) or client
  end
end

sweep()
local held = read(id)
if held and held.keep > now then
  return {'exists'}
end
if held then
  forget(id, held.client, held.serial)
end

-- The new record counts, but is no candidate itself.
redis.call('ZADD', OPEN, expires, id)
requeue(client, id, nil, RETURNED)

local gone = {}
for _ = 1, EVICTIONS do
  local from = crowded()
  if not from then
    break
  end
  local serial, oldest = first(from)
  if not oldest then
    if #gone == 0 then
      leave(id, client, RETURNED)
      return {'full'}
    end
    break
  end
  forget(oldest, from, serial)
  table.insert(gone, oldest)
end

local serial = RETURNED
if state == 'over' then
  leave(id, client, RETURNED)
  redis.call('ZADD', OVER, keep, id)
elseif state == 'unreturned' then
  serial = string.format('%0' .. DIGITS .. 'd', redis.call('INCR', SERIAL))
  requeue(client, id, RETURNED, serial)
end
write(id, 1, client, serial, ARGV[6], sealed)

-- Those that ended come on top of the bound: as many again, the latest.
for _ = 1, EVICTIONS do
  if redis.call('ZCARD', OVER) <= total then
    break
  end
  redis.call('HDEL', RECORDS, redis.call('ZPOPMIN', OVER)[1])
end
prolong(keep)
return {'kept', time[1], time[2], unpack(gone)}
