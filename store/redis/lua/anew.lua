-- anew.lua replaces entries of a list of revocations by the same ones, sealed anew.
--
-- KEYS: the list. ARGV, for each entry: its number in the list; the entry; what takes its place.
-- An entry that is another one meanwhile stays. It answers how many were replaced.
local replaced = 0
for i = 1, #ARGV, 3 do
  if redis.call('LINDEX', KEYS[1], ARGV[i]) == ARGV[i + 1] then
    redis.call('LSET', KEYS[1], ARGV[i], ARGV[i + 2])
    replaced = replaced + 1
  end
end
return replaced
