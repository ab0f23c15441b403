-- revoke.lua adds revocations to the list that every replica reads.
--
-- KEYS, in one slot:
--   1 log      sorted set of the revocations' names, by their number.
--   2 revoked  hash: name -> sealed revocation.
--   3 until    sorted set of the names, by when they are over in Unix milliseconds.
--   4 epoch    the name of this list. When the server loses its data there is
--              another list, to which the replicas add what they know.
-- ARGV: a name for the list, and for each revocation its name, when it is over and
-- what is sealed. It answers the name of the list, and the number of the last revocation that was
-- given. What is there already, stays.
local LOG, REVOKED, UNTIL, EPOCH = unpack(KEYS)

-- BATCH bounds what one call cleans up.
local BATCH = 100

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Numbers go by the clock, in microseconds: a server that was promoted and lacks the
-- last ones must not give a number again that a replica has read already.
local last = redis.call('ZREVRANGE', LOG, 0, 0, 'WITHSCORES')[2]
local number = math.max(time[1] * 1000000 + time[2], (tonumber(last) or 0) + 1)
local latest, given = now, 0
for i = 2, #ARGV, 3 do
  if redis.call('HSETNX', REVOKED, ARGV[i], ARGV[i + 2]) == 1 then
    redis.call('ZADD', LOG, number, ARGV[i])
    redis.call('ZADD', UNTIL, ARGV[i + 1], ARGV[i])
    number = number + 1
  end
  given = redis.call('ZSCORE', LOG, ARGV[i])
  latest = math.max(latest, tonumber(ARGV[i + 1]))
end
redis.call('SET', EPOCH, ARGV[1], 'NX')

for _, name in ipairs(redis.call('ZRANGEBYSCORE', UNTIL, '-inf', now, 'LIMIT', 0, BATCH)) do
  redis.call('ZREM', UNTIL, name)
  redis.call('ZREM', LOG, name)
  redis.call('HDEL', REVOKED, name)
end
local rest = math.max(latest - now, 1000)
for _, key in ipairs(KEYS) do
  if redis.call('PTTL', key) < rest then
    redis.call('PEXPIRE', key, rest)
  end
end
return {redis.call('GET', EPOCH), given}
