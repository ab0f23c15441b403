-- loadrecord.lua answers a record, and when that was by the server's clock.
--
-- KEYS: the records, as in quota.lua. ARGV: ID. It answers the seconds and microseconds since 1970,
-- and what is held; without the latter when there is no record.
local held = redis.call('HGET', KEYS[1], ARGV[1])
local time = redis.call('TIME')
if not held then
  return {time[1], time[2]}
end
return {time[1], time[2], held}
