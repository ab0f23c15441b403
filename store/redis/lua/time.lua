-- time.lua answers the seconds and microseconds since 1970. It reads and writes no key.
return redis.call('TIME')
