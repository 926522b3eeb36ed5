-- Shares the slots of one pool between holders. The pool is one hash: a field
-- for each holder with "granted want expiry", times in milliseconds of the
-- server's clock, "@since", since when this Redis knows of every lease, and "@run",
-- the run id of the server that wrote last.
-- KEYS[1] pool   ARGV: holder, want, inUse, limit, ttl in milliseconds, 1 if the
-- holder has a lease that has not expired
-- Returns {granted, granted to others, holders, fair share, age in milliseconds}.
local holder, want, inUse, limit, ttl = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- Who is here, and what do the others hold? The dead leave by their expiry.
redis.call('HSETNX', KEYS[1], '@since', now)

-- A replica that took over, or a server that was started from a file, may have
-- missed the last leases, and so has one that does not know the caller's: the pool
-- is as good as new. A server that does not tell its run id is taken at its word.
local info = redis.pcall('INFO', 'server')
local run = type(info) == 'string' and string.match(info, 'run_id:(%w+)')
local wrote = redis.call('HGET', KEYS[1], '@run')
local missing = ARGV[6] == '1' and redis.call('HEXISTS', KEYS[1], holder) == 0
if missing or (run and wrote and wrote ~= run) then
  redis.call('HSET', KEYS[1], '@since', now)
end
if run and wrote ~= run then
  redis.call('HSET', KEYS[1], '@run', run)
end
local wants, others, holders, age = {}, 0, 0, 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local granted, wanted, expiry = string.match(all[i + 1], '^(%d+) (%d+) (%d+)$')
  if all[i] == '@since' then
    age = math.max(0, now - tonumber(all[i + 1]))
  elseif all[i] == '@run' then
    -- no holder
  elseif not expiry or tonumber(expiry) <= now then
    redis.call('HDEL', KEYS[1], all[i])
  elseif all[i] ~= holder then
    others = others + tonumber(granted)
    holders = holders + 1
    table.insert(wants, tonumber(wanted))
  end
end
if want <= 0 and inUse <= 0 then
  redis.call('HDEL', KEYS[1], holder)
  return {0, others, holders, 0, age}
end

-- The fair share: small wishes are met whole, the rest is divided evenly among
-- the others. A remainder goes to nobody in particular, so a holder may have
-- one more; the limit below still holds.
table.insert(wants, want)
table.sort(wants)
local left, fair = limit, 0
for i = 1, #wants do
  local share = math.ceil(left / (#wants - i + 1))
  fair = math.max(fair, math.min(wants[i], share))
  left = left - math.min(wants[i], share)
end

-- Slots in use cannot be taken back; everything stays under the limit.
local granted = math.max(math.min(want, fair), inUse)
granted = math.max(0, math.min(granted, limit - others))
redis.call('HSET', KEYS[1], holder, granted .. ' ' .. math.max(want, inUse) .. ' ' .. (now + ttl))
-- The key outlives quiet hours: a pool that is young again makes its holders
-- careful, as after a Redis that forgot.
redis.call('PEXPIRE', KEYS[1], math.max(2 * ttl, 86400000))
return {granted, others, holders + 1, math.min(want, fair), age}
