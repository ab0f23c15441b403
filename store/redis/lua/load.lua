-- load.lua answers a record or a family, and when that was by the server's clock.
--
-- KEYS: the record or family. It answers the seconds and microseconds since 1970, and what is held;
-- without the latter when there is none.
local held = redis.call('GET', KEYS[1])
local time = redis.call('TIME')
if not held or held == 'gone' then
  return {time[1], time[2]}
end
return {time[1], time[2], held}
