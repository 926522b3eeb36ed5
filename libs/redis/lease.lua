-- Shares the slots of one pool between holders. The pool is one hash: a field
-- for each holder with "granted want expiry", times in milliseconds of the
-- server's clock.
-- KEYS[1] pool   ARGV: holder, want, inUse, limit, ttl in milliseconds
-- Returns {granted, granted to others, holders}.
local holder, want, inUse, limit, ttl = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- Who is here, and what do the others hold? The dead leave by their expiry.
local wants, others, holders = {}, 0, 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local granted, wanted, expiry = string.match(all[i + 1], '^(%d+) (%d+) (%d+)$')
  if not expiry or tonumber(expiry) <= now then
    redis.call('HDEL', KEYS[1], all[i])
  elseif all[i] ~= holder then
    others = others + tonumber(granted)
    holders = holders + 1
    table.insert(wants, tonumber(wanted))
  end
end
if want <= 0 and inUse <= 0 then
  redis.call('HDEL', KEYS[1], holder)
  return {0, others, holders}
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
redis.call('PEXPIRE', KEYS[1], 2 * ttl)
return {granted, others, holders + 1}
