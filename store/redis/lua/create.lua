-- create.lua keeps a new record.
--
-- KEYS: the record. ARGV: what is held, "version flag sealed", where the flag begins the state
-- (unreturned, returned or over); until when it is kept, in Unix milliseconds.
-- It answers "exists" and changes nothing, or "kept" and the seconds and microseconds since 1970. It answers
-- "gone" with these, and keeps nothing, where the record has to go for a later one before it is here: see
-- evict.lua.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', math.max(ARGV[2] - now, 1)) then
  if redis.call('GET', KEYS[1]) == 'gone' then
    return {'gone', time[1], time[2]}
  end
  return {'exists'}
end
return {'kept', time[1], time[2]}
