-- revokesubject.lua adds revocations of subjects to a list, and numbers them. The lists of subjects
-- share one slot, so that one order holds for all of them.
--
-- KEYS, in one slot: 1 list, 2 names, as in revoke.lua;
--   3 order    hash: epoch -> the name of the numbers that are given now; number -> the last one;
--              server -> the replication ID of the server that gave it.
-- ARGV: how long all stay, in milliseconds; the epoch that new revocations are sealed for; a name for
-- another epoch; then for each revocation its name, its "epoch number" or nothing when it is new, and
-- what is sealed. An entry of the list is "epoch number sealed".
-- It answers "kept", the epoch and the last number; or "epoch" and the epoch to seal for, and adds
-- nothing.
local LIST, NAMES, ORDER = KEYS[1], KEYS[2], KEYS[3]

-- A server that was promoted may lack the last numbers, which a replica of the gateway has read. It has
-- another replication ID, and so does one that was started again. Its numbers are of another epoch.
local info, server = redis.pcall('INFO', 'replication'), ''
if type(info) == 'string' then
  server = string.match(info, 'master_replid:(%w+)') or ''
elseif type(info) == 'table' and string.find(info.err or '', 'permission') or string.find(info.err or '', "can't run") then
  return info
end

local function prolong()
  for _, key in ipairs(KEYS) do
    redis.call('PEXPIRE', key, math.max(tonumber(ARGV[1]), redis.call('PTTL', key)))
  end
end

local held = redis.call('HMGET', ORDER, 'epoch', 'server', 'number')
local epoch, number = held[1], tonumber(held[3] or 0)
if not epoch or held[2] ~= server then
  epoch, number = ARGV[3], 0
  redis.call('HSET', ORDER, 'epoch', epoch, 'server', server, 'number', number)
  prolong()
end
for i = 4, #ARGV, 3 do
  if ARGV[i + 1] == '' and epoch ~= ARGV[2] then
    return {'epoch', epoch, '0'}
  end
end

-- A DEL in vain would count as the script's first write: a server that is full refuses no later one.
if redis.call('EXISTS', LIST) == 0 and redis.call('EXISTS', NAMES) == 1 then
  redis.call('DEL', NAMES)
end
for i = 4, #ARGV, 3 do
  if redis.call('SADD', NAMES, ARGV[i]) == 1 then
    local label = ARGV[i + 1]
    if label == '' then
      number = number + 1
      label = epoch .. ' ' .. string.format('%d', number)
    end
    redis.call('RPUSH', LIST, label .. ' ' .. ARGV[i + 2])
  end
end
redis.call('HSET', ORDER, 'number', number)
prolong()
return {'kept', epoch, string.format('%d', number)}
