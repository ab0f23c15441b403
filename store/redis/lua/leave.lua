-- leave.lua takes a record out.
--
-- ARGV, after that of index.lua: the member, and for how many milliseconds it may still be on its way here, zero where
-- it was here before. A member that is not here yet is kept out for so long: no call takes longer.
local member, late = ARGV[2], tonumber(ARGV[3])

if redis.call('ZREM', INDEX, member) == 0 and late > 0 then
  redis.call('ZADD', INDEX, at(GONE + now + late), member)
  prolong(now + late)
end
return 'kept'
