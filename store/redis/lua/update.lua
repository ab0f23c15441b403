-- update.lua replaces a record if it is still of the version that the caller saw.
--
-- ARGV: ID, that version, the next one, expiry and keep in Unix milliseconds,
-- state (unreturned, returned or over), sealed record.
-- It answers "kept", or "missing" or "conflict" and changes nothing of the record.
local id, version, next_version = ARGV[1], ARGV[2], ARGV[3]
local expires, keep = tonumber(ARGV[4]), tonumber(ARGV[5])
local state, sealed = ARGV[6], ARGV[7]

sweep()
local held = read(id)
if not held or held.keep <= now then
  return 'missing'
end
if held.version ~= version then
  return 'conflict'
end

-- A record never goes back: one that returned stays, and one that is over is not
-- counted again.
local serial = held.serial
if not redis.call('ZSCORE', OPEN, id) then
  redis.call('ZADD', OVER, keep, id)
elseif state == 'over' then
  leave(id, held.client, serial)
  redis.call('ZADD', OVER, keep, id)
else
  redis.call('ZADD', OPEN, expires, id)
  if state == 'returned' and serial ~= RETURNED then
    requeue(held.client, id, serial, RETURNED)
    serial = RETURNED
  end
end
write(id, next_version, held.client, serial, ARGV[5], sealed)
prolong(keep)
return 'kept'
