-- withdraw.lua forgets all logins of a subject, and answers what was sealed of those that run.
--
-- KEYS: the logins of the subject, as in enroll.lua. It answers the name of each login and what is
-- sealed.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local reply = {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local expires, sealed = string.match(all[i + 1], '^(%d+) (.*)$')
  if expires and tonumber(expires) > now then
    table.insert(reply, all[i])
    table.insert(reply, sealed)
  end
end
redis.call('DEL', KEYS[1])
return reply
