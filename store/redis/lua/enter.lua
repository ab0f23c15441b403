-- enter.lua enters a new record within a bound, and says which records go for it.
--
-- ARGV, after that of index.lua: the member, WIDTH, the bound, its expiry and keep, its state
-- (unreturned, returned, over, or entered where an earlier call entered it), how many records of each sort
-- may go for it.
-- It answers "kept", or "held" when the record was there; the members that go; those that are over and
-- go; and 1 when there are more than the bound. What goes has left the index; the caller deletes it. Where
-- none may go that should, the record leaves the index again, and the answer is "full".
local member, WIDTH, bound = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local expires, keep, state, evictions = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7], tonumber(ARGV[8])

-- SAMPLE is how many records are looked at for the client that holds most, in so many WINDOWS of equal
-- distance. When there are no more than SAMPLE, all are.
local SAMPLE, WINDOWS = 512, 8

-- sample calls visit with the records of a range, or a sample of them, the oldest first.
local function sample(low, high, visit)
  local n, windows = redis.call('ZCOUNT', INDEX, low, high), 1
  if n > SAMPLE then
    windows = WINDOWS
  end
  for w = 0, windows - 1 do
    local from, most = math.floor(w * n / windows), math.ceil(SAMPLE / windows)
    for _, m in ipairs(redis.call('ZRANGEBYSCORE', INDEX, low, high, 'LIMIT', from, most)) do
      visit(m)
    end
  end
end

-- leaver returns the oldest unreturned record of the client that holds most, the new one counted in.
-- It is none when no record but the new one may go.
local function leaver()
  local held, oldest = {}, {}
  local function count(m)
    local client = string.sub(m, 1, WIDTH)
    held[client] = (held[client] or 0) + 1
    return client
  end
  sample(at(now + 1), after(STEP), function(m)
    local client = count(m)
    if m ~= member and not held[client .. ' seen'] then
      held[client .. ' seen'] = 1
      table.insert(oldest, {client = client, member = m})
    end
  end)
  sample(at(STEP + now + 1), after(OVER), count)
  local first
  for _, candidate in ipairs(oldest) do
    if not first or held[candidate.client] > held[first.client] then
      first = candidate
    end
  end
  return first and first.member
end

-- enter puts the record behind those of the same millisecond.
local function enter()
  if state == 'over' or expires <= now then
    return finish(member, keep)
  end
  local score = expires
  if state == 'returned' then
    score = STEP + expires
  end
  local last = redis.call('ZREVRANGEBYSCORE', INDEX, after(score + 1), at(score), 'WITHSCORES', 'LIMIT', 0, 1)[2]
  if last then
    score = math.min(tonumber(last) + 1 / 128, score + 127 / 128)
  end
  redis.call('ZADD', INDEX, at(score), member)
end

local verdict = 'held'
local there = tonumber(redis.call('ZSCORE', INDEX, member) or OVER)
if there > GONE + now then
  return {'kept', {}, {}, 0}
end
if (there >= OVER or there % STEP < now + 1) and state ~= 'entered' then
  verdict = 'kept'
  enter()
end
-- A full server must refuse the first write, which therefore is one that adds.
sweep()

local gone, dropped = {}, {}
for _ = 1, evictions do
  if live() <= bound then
    break
  end
  local goes = leaver()
  if not goes then
    if #gone == 0 then
      if verdict == 'kept' then
        redis.call('ZREM', INDEX, member)
      end
      return {'full', {}, {}, 0}
    end
    break
  end
  redis.call('ZREM', INDEX, goes)
  table.insert(gone, goes)
end

-- Those that are over come on top of the bound: as many again, the latest.
local function ended() return redis.call('ZCOUNT', INDEX, at(OVER), after(GONE)) end
for _ = 1, evictions do
  if ended() <= bound then
    break
  end
  local first = redis.call('ZRANGEBYSCORE', INDEX, at(OVER), after(GONE), 'LIMIT', 0, 1)[1]
  redis.call('ZREM', INDEX, first)
  table.insert(dropped, first)
end
prolong(keep)
local crowded = 0
if live() > bound or ended() > bound then
  crowded = 1
end
return {verdict, gone, dropped, crowded}
