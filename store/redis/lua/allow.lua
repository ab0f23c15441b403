-- allow.lua decides on one event under quotas of one owner, by the generic cell rate algorithm.
--
-- KEYS: the owner's counters, a sorted set. The score of a counter is its theoretical arrival time, in
-- microseconds: when all events so far will have been paid for, at the rate of the limit. Then it would
-- start afresh, and goes.
-- ARGV, of each quota: its name, limit, window in microseconds.
-- It answers how many microseconds to wait, by the first quota that is full; zero allows the event.
-- That quota and those after it count nothing.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local latest, reply = now, 0
for i = 1, #ARGV, 3 do
  local name, limit, window = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local interval = math.max(1, math.floor(window / limit))
  -- An arrival further ahead is from before the clock or the limit was changed.
  local arrival = tonumber(redis.call('ZSCORE', KEYS[1], name) or now)
  arrival = math.min(math.max(arrival, now), now + window) + interval
  if arrival > now + window then
    reply = arrival - now - window
    break
  end
  redis.call('ZADD', KEYS[1], string.format('%.0f', arrival), name)
  latest = math.max(latest, arrival)
end
-- A full server must refuse the first write, which therefore is one that adds.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
local rest = math.ceil((latest - now) / 1000)
if rest > 0 and redis.call('PTTL', KEYS[1]) < rest then
  redis.call('PEXPIRE', KEYS[1], rest)
end
return reply
