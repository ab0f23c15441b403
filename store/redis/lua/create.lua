-- create.lua keeps a new record.
--
-- KEYS: the record. ARGV: what is held, "version flag sealed", where the flag begins the state
-- (unreturned, returned or over); until when it is kept, in Unix milliseconds.
-- It answers "exists" and changes nothing, or "kept" and the seconds and microseconds since 1970.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', math.max(ARGV[2] - now, 1)) then
  return {'exists'}
end
return {'kept', time[1], time[2]}
