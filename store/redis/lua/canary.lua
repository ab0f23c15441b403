-- canary.lua replaces the canary if it is still the one that the caller saw.
--
-- KEYS: the canary. ARGV: what the caller saw, or nothing where there was none; the next one; how long it
-- stays, in milliseconds.
-- It answers the canary that is there then.
local held = redis.call('GET', KEYS[1]) or ''
if held == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return ARGV[2]
end
return held
