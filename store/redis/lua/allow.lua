-- allow.lua decides on one event by the generic cell rate algorithm. The key holds
-- the theoretical arrival time: when all events so far will have been paid for, at
-- the rate of the limit. It lives until then, which is when it would start afresh.
--
-- KEYS: 1 the counter. ARGV: limit, window in microseconds.
-- It answers how many microseconds to wait; zero allows the event.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])

local interval = math.max(1, math.floor(window / limit))
-- An arrival further ahead is from before the clock or the limit was changed.
local arrival = tonumber(redis.call('GET', KEYS[1]) or now)
arrival = math.min(math.max(arrival, now), now + window)
local wait = arrival + interval - now - window
if wait > 0 then
  return wait
end
arrival = arrival + interval
redis.call('SET', KEYS[1], arrival, 'PX', math.ceil((arrival - now) / 1000))
return 0
