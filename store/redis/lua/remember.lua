-- remember.lua keeps a value unless one is there, and answers the one that is there.
--
-- KEYS: 1 the value. ARGV: sealed value, for how long in milliseconds.
local kept = redis.call('GET', KEYS[1])
if kept then
  return kept
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
