-- enroll.lua notes a running login of a subject, or forgets one.
--
-- KEYS: the logins of the subject, a hash: name of a login -> "until sealed login", until in Unix
-- milliseconds.
-- ARGV: how many logins a subject may have, the login's name, until, what is sealed. Without the
-- last two the login is forgotten.
local LOGINS, most, name = KEYS[1], tonumber(ARGV[1]), ARGV[2]

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- A full server must refuse the first write, which therefore is one that adds.
if ARGV[3] then
  redis.call('HSET', LOGINS, name, ARGV[3] .. ' ' .. ARGV[4])
else
  redis.call('HDEL', LOGINS, name)
end

-- What has ended goes. Of more logins than there may be, those go that end first.
local running = {}
local all = redis.call('HGETALL', LOGINS)
for i = 1, #all, 2 do
  local expires = tonumber(string.match(all[i + 1], '^(%d+) '))
  if expires and expires > now then
    table.insert(running, {name = all[i], expires = expires})
  else
    redis.call('HDEL', LOGINS, all[i])
  end
end
table.sort(running, function(a, b) return a.expires > b.expires end)
for i = most + 1, #running do
  redis.call('HDEL', LOGINS, running[i].name)
end
if running[1] then
  redis.call('PEXPIRE', LOGINS, running[1].expires - now)
end
return 'kept'
