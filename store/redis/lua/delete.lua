-- delete.lua deletes a family. It answers "kept".
--
-- KEYS: the family.
if redis.call('DEL', KEYS[1]) == 0 then
  -- An earlier call deleted it, and a standby may still have it. This is a write, so that the caller can wait until
  -- standbys have both.
  redis.call('SET', KEYS[1], '', 'PX', 1)
  redis.call('DEL', KEYS[1])
end
return 'kept'
