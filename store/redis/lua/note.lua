-- note.lua notes how far a record has come.
--
-- ARGV, after that of index.lua: the member, its state (unreturned, returned or over), its expiry, or
-- its keep when it is over.
local member, state, due = ARGV[2], ARGV[3], tonumber(ARGV[4])

if state == 'over' then
  finish(member, due)
elseif state == 'returned' then
  redis.call('ZADD', INDEX, at(STEP + due), member)
else
  redis.call('ZADD', INDEX, at(due), member)
end
prolong(due + RETENTION)
return 'kept'
