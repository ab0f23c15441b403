-- count.lua answers the seconds and microseconds since 1970, and how many records are open, as text.
sweep()
return {time[1], time[2], tostring(redis.call('ZCOUNT', OPEN, '(' .. now, '+inf'))}
