-- document.lua replaces a document if it is still of the version that the caller saw.
--
-- KEYS: the document. ARGV: that version, 0 for none; "next-version sealed document", or nothing to
-- leave it as it is; how long it stays, in milliseconds.
-- It answers "kept", or "conflict" and changes nothing.
local held = redis.call('GET', KEYS[1])
local version = '0'
if held then
  version = string.match(held, '^(%d+) ') or ''
end
if version ~= ARGV[1] then
  return 'conflict'
end
if ARGV[2] == '' then
  -- An earlier call made the change, and a standby may lack it. This is a write, so that the caller can
  -- wait until standbys have both.
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 'kept'
