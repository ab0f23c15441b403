-- index.lua stands in front of enter.lua, leave.lua and note.lua. An index knows which records there
-- are: those of one client, or those of one shard. It is one key, so that no script of it is refused
-- while its slot moves.
--
-- KEYS: the index, a sorted set of the records. A member is the client (WIDTH characters, none in the
-- index of a client) and then the ID. Its score says how far the record has come:
--   0 and its expiry       unreturned: it may go
--   STEP and its expiry    returned: its code came back, and it may not go
--   OVER and its keep      it ended or expired, and is kept until then
--   GONE and a time        it was evicted before it was entered here, and is not entered until then
-- Expiry and keep are Unix milliseconds by the server's clock.
--
-- ARGV: for how many milliseconds a record is kept after its end, zero in the index of a client.
local INDEX, RETENTION = KEYS[1], tonumber(ARGV[1])
local STEP, OVER, GONE = 10000000000000, 20000000000000, 30000000000000

-- BATCH bounds what one call cleans up, and so for how long others wait for it.
local BATCH = 50

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- at writes a score, for those from it on. Records of one millisecond have 128 places in it.
local function at(score) return string.format('%.7f', score) end
-- after leaves that score out of a range.
local function after(score) return '(' .. at(score) end

-- live counts the records that neither ended nor expired.
local function live()
  return redis.call('ZCOUNT', INDEX, at(now + 1), after(STEP)) + redis.call('ZCOUNT', INDEX, at(STEP + now + 1), after(OVER))
end

-- finish notes that a record is over, and kept until then.
local function finish(member, keep)
  if RETENTION > 0 then
    redis.call('ZADD', INDEX, at(OVER + keep), member)
  else
    redis.call('ZREM', INDEX, member)
  end
end

-- sweep notes what expired, and forgets what is kept no longer.
local function sweep()
  for _, state in ipairs({0, STEP}) do
    local expired = redis.call('ZRANGEBYSCORE', INDEX, at(state), after(state + now + 1), 'WITHSCORES', 'LIMIT', 0, BATCH)
    for i = 1, #expired, 2 do
      finish(expired[i], math.floor(expired[i + 1]) - state + RETENTION)
    end
  end
  redis.call('ZREMRANGEBYSCORE', INDEX, at(OVER), at(OVER + now))
  redis.call('ZREMRANGEBYSCORE', INDEX, at(GONE), at(GONE + now))
end

-- prolong lets the index live as long as the record that is kept longest.
local function prolong(keep)
  local rest = math.max(math.ceil(keep - now), 1000)
  if redis.call('PTTL', INDEX) < rest then
    redis.call('PEXPIRE', INDEX, rest)
  end
end
