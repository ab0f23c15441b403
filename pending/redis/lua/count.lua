-- count.lua answers how many records are open.
sweep()
return redis.call('ZCOUNT', OPEN, '(' .. now, '+inf')
