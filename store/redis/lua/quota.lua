-- quota.lua stands in front of create.lua, update.lua and count.lua. It counts
-- records, altogether and by client, and knows which goes when a bound is reached.
-- Every step costs O(log n), so that a flood does not slow it down.
--
-- KEYS: every key that a script touches is declared, and all are in one slot.
--   1 records  hash: ID -> "version client serial keep sealed". Client is the keyed
--              hash of who started the login; keep is until when the record is kept,
--              in Unix milliseconds.
--   2 open     sorted set of the IDs that neither ended nor expired, by their expiry.
--   3 queue    sorted set of "client serial ID" (without the spaces) for every open
--              record, in lexical order: a client's oldest that may go is its first.
--   4 load     sorted set of "serial client" (without the space), for the first of
--              each client in the queue, by minus what the client holds: the first
--              is what goes when all is full.
--   5 over     sorted set of the IDs that ended or expired, by their keep.
--   6 serial   the number of the last record.
--
-- The time is the server's, so that the replicas' clocks need not agree.
local RECORDS, OPEN, QUEUE, LOAD, OVER, SERIAL = unpack(KEYS)

-- CLIENT and DIGITS are the lengths of a client and of a serial.
local CLIENT, DIGITS = 22, 16
-- RETURNED is the serial of an open record that may not go. It sorts last.
local RETURNED = string.rep('9', DIGITS)
-- BATCH bounds what one call cleans up, and so for how long others wait for it.
local BATCH = 50

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function read(id)
  local held = redis.call('HGET', RECORDS, id)
  if not held then
    return nil
  end
  local version, client, serial, keep = string.match(held, '^(%d+) (%S+) (%d+) (%d+) ')
  return {version = version, client = client, serial = serial, keep = tonumber(keep)}
end

local function write(id, version, client, serial, keep, sealed)
  redis.call('HSET', RECORDS, id, table.concat({version, client, serial, keep, sealed}, ' '))
end

-- first returns serial and ID of the client's oldest record that may go.
local function first(client)
  local members = redis.call('ZRANGEBYLEX', QUEUE, '[' .. client, '(' .. client .. '\255', 'LIMIT', 0, 1)
  local serial = members[1] and string.sub(members[1], CLIENT + 1, CLIENT + DIGITS)
  if serial and serial ~= RETURNED then
    return serial, string.sub(members[1], CLIENT + DIGITS + 1)
  end
end

-- holds returns how many open records a client has.
local function holds(client)
  return redis.call('ZLEXCOUNT', QUEUE, '[' .. client, '(' .. client .. '\255')
end

-- requeue takes a record of the client out of the queue, puts one in, or both, and
-- puts the client where it then belongs.
local function requeue(client, id, from, to)
  local before = first(client)
  if from then
    redis.call('ZREM', QUEUE, client .. from .. id)
  end
  if to then
    redis.call('ZADD', QUEUE, 0, client .. to .. id)
  end
  local after = first(client)
  if before then
    redis.call('ZREM', LOAD, before .. client)
  end
  if after then
    redis.call('ZADD', LOAD, -holds(client), after .. client)
  end
end

-- leave stops counting a record.
local function leave(id, client, serial)
  redis.call('ZREM', OPEN, id)
  requeue(client, id, serial, nil)
end

-- forget removes a record and every trace of it.
local function forget(id, client, serial)
  leave(id, client, serial)
  redis.call('ZREM', OVER, id)
  redis.call('HDEL', RECORDS, id)
end

-- sweep stops counting what expired, and forgets what is kept no longer.
local function sweep()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', OPEN, '-inf', now, 'LIMIT', 0, BATCH)) do
    local record = read(id)
    if record then
      leave(id, record.client, record.serial)
      redis.call('ZADD', OVER, record.keep, id)
    else
      redis.call('ZREM', OPEN, id) -- a server that evicts keys lost the records
    end
  end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', OVER, '-inf', now, 'LIMIT', 0, BATCH)) do
    redis.call('ZREM', OVER, id)
    redis.call('HDEL', RECORDS, id)
  end
end

-- prolong lets every key live as long as the record that is kept longest, so that
-- nothing stays behind when the gateway is gone.
local function prolong(keep)
  local rest = math.max(keep - now, 1000)
  for _, key in ipairs(KEYS) do
    if redis.call('PTTL', key) < rest then
      redis.call('PEXPIRE', key, rest)
    end
  end
end
