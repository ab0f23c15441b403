-- family.lua replaces a family if it is still of the version that the caller saw.
--
-- KEYS: the family. ARGV: that version, "next-version sealed family".
-- It answers "kept", or "missing" or "conflict" and changes nothing. When the family
-- expires stays as it is.
local held = redis.call('GET', KEYS[1])
if not held then
  return 'missing'
end
if string.match(held, '^(%d+) ') ~= ARGV[1] then
  return 'conflict'
end
local left = redis.call('PTTL', KEYS[1])
if left < 1 then
  return 'missing'
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', left)
return 'kept'
