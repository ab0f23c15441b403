-- evict.lua deletes a record of which an index says that it may go, if that is so: the index may not
-- know yet how far the record has come.
--
-- KEYS: the record. ARGV: the state that it must have to go (unreturned or over); for how many
-- milliseconds a record is kept after its end. One that is kept for no longer than that has expired.
-- A record that an index knows may be on its way: its Create writes both at the same time. So a missing record
-- that has to go leaves the word "gone" for a minute, longer than any call takes, and create.lua keeps nothing.
-- It answers "gone", "missing", or how far the record has come (unreturned, returned or over) and, in
-- Unix milliseconds, its expiry, or until when it is kept where it is over.
local held = redis.call('GET', KEYS[1])
if not held or held == 'gone' then
  if ARGV[1] == 'unreturned' then
    redis.call('SET', KEYS[1], 'gone', 'PX', 60000)
  end
  return {'missing'}
end
local time = redis.call('TIME')
local left, retention = redis.call('PTTL', KEYS[1]), tonumber(ARGV[2])
local keep = time[1] * 1000 + math.floor(time[2] / 1000) + left
local state = 'returned'
local flag = string.match(held, '^%d+ (%l) ')
if flag == 'o' or left <= retention then
  state = 'over'
elseif flag == 'u' then
  state = 'unreturned'
end
if state == ARGV[1] then
  redis.call('DEL', KEYS[1])
  return {'gone'}
end
if state == 'over' then
  return {state, string.format('%.0f', keep)}
end
return {state, string.format('%.0f', keep - retention)}
