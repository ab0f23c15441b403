-- revoked.lua answers one page of the list of revocations.
--
-- KEYS: 1 log, 2 revoked, 3 epoch, as in revoke.lua.
-- ARGV: the last number that the caller knows, how many it takes.
-- It answers the name of the list (empty when there is none), and for each revocation
-- its name, its number and what is sealed.
local reply = {redis.call('GET', KEYS[3]) or ''}
local page = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2])
for i = 1, #page, 2 do
  table.insert(reply, page[i])
  table.insert(reply, page[i + 1])
  table.insert(reply, redis.call('HGET', KEYS[2], page[i]) or '')
end
return reply
