#!lua flags=allow-oom
-- Spend: one token from each of the buckets, or from none.
-- KEYS     1… the buckets: when each is full again (ms), and nothing where it is; with `known`, last a key whose being there spares the last bucket
-- ARGV     1 now (ms, tests only), 2 known (0|1), then for each bucket: ms a token, tokens when full
-- Returns  wait (ms, 0: spent), which bucket makes one wait (0: none)
-- Invariants: a refusal writes nothing, unless the clock was set back; a key lives no longer than its bucket needs to fill up
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local known = ARGV[2] == '1'
local buckets = known and #KEYS - 1 or #KEYS
if known and redis.call('EXISTS', KEYS[#KEYS]) == 1 then buckets = buckets - 1 end -- guard: known-spared

local full, ahead, wait, which = {}, {}, 0, 0
for i = 1, buckets do
  local token, most = tonumber(ARGV[2 * i + 1]), tonumber(ARGV[2 * i + 2])
  -- Never later than an empty bucket fills: the clock of another server, after a failover, may be behind.
  local kept = tonumber(redis.call('GET', KEYS[i]) or now)
  local before = math.min(kept, now + token * most)
  if kept > before then ahead[i] = before end -- guard: clamp-written
  full[i] = math.max(before, now) + token
  local over = math.ceil(full[i] - now - token * most)
  if over > wait then wait, which = over, i end
end
if wait > 0 then
  -- An instant that was only clamped would move on with the clock, and the bucket would stay empty.
  for i, before in pairs(ahead) do
    redis.call('SET', KEYS[i], string.format('%.3f', before), 'PX', math.ceil(before - now))
  end
  return { wait, which }
end
for i = 1, buckets do
  redis.call('SET', KEYS[i], string.format('%.3f', full[i]), 'PX', math.ceil(full[i] - now))
end
return { 0, 0 }
