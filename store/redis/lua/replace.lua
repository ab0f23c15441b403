-- replace.lua replaces a record or a family if it is still of the version that the caller saw.
--
-- KEYS: the record or family. ARGV: that version; what is held next; until when it is kept, in Unix
-- milliseconds, or nothing where that stays as it is.
-- It answers "kept", or "missing" or "conflict" and changes nothing.
local held = redis.call('GET', KEYS[1])
if not held or held == 'gone' then
  return 'missing'
end
if string.match(held, '^(%d+) ') ~= ARGV[1] then
  return 'conflict'
end
local left = redis.call('PTTL', KEYS[1])
if ARGV[3] then
  local time = redis.call('TIME')
  left = ARGV[3] - time[1] * 1000 - math.floor(time[2] / 1000)
end
if left < 1 then
  return 'missing'
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', left)
return 'kept'
