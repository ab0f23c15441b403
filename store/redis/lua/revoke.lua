-- revoke.lua adds revocations to a list that every replica of the gateway reads.
--
-- KEYS, in one slot:
--   1 list     what is sealed of each revocation, in the order in which they were added. Nothing
--              is ever taken out: the key expires with its last revocation.
--   2 names    set of the names of what is in the list.
-- ARGV: how long both stay, in milliseconds; then for each revocation its name and what is sealed.
-- What is there already, stays. It answers "kept".
local LIST, NAMES = KEYS[1], KEYS[2]

-- A DEL in vain would count as the script's first write: a server that is full refuses no later one.
if redis.call('EXISTS', LIST) == 0 and redis.call('EXISTS', NAMES) == 1 then
  redis.call('DEL', NAMES)
end
for i = 2, #ARGV, 2 do
  if redis.call('SADD', NAMES, ARGV[i]) == 1 then
    redis.call('RPUSH', LIST, ARGV[i + 1])
  end
end
-- This is a write whatever the list holds, so that the caller can wait until standbys have it.
for _, key in ipairs(KEYS) do
  redis.call('PEXPIRE', key, math.max(tonumber(ARGV[1]), redis.call('PTTL', key)))
end
return 'kept'
