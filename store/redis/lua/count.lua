-- count.lua answers the seconds and microseconds since 1970, and how many records are open, as text. It
-- changes nothing, so that a server that refuses writes answers too.
return {time[1], time[2], tostring(redis.call('ZCOUNT', OPEN, '(' .. now, '+inf'))}
