#!lua flags=allow-oom
-- Scan: one pass step over a pool, person i against 16 from j on, so that every pair is looked at in the end.
-- KEYS[1]  {shard}q:<pool>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids, 4 pool
-- Returns  done, "", facts
-- Events   new-match
-- Invariants: 4 no limbo without a new arrival
-- include: context view queue
local queue, pool = KEYS[1], ARGV[4]
local cursor_key = S .. 'scan:' .. pool
local n = redis.call('ZCARD', queue)
if n < 2 then return { 'done', '', facts } end

local i, j = string.match(redis.call('GET', cursor_key) or '0:1', '^(%d+):(%d+)$')
i, j = tonumber(i), tonumber(j)
for _ = 1, T.scan_windows do
  if i >= n - 1 then i, j = 0, 1 end
  if n < 2 then break end
  local id = redis.call('ZRANGE', queue, i, i)[1]
  local s = load(id)
  if not s or s.pairable == 0 then
    redis.call('ZREM', queue, id) -- of a record that was lost
    n = n - 1
  elseif pair_among(s, redis.call('ZRANGE', queue, j, j + T.looks - 1)) then
    n, j = n - 2, i + 1
  else
    j = j + T.looks
    if j >= n then i, j = i + 1, i + 2 end -- guard: cursor -- off: i, j = 0, 1
  end
end
if i >= n - 1 then i, j = 0, 1 end
redis.call('SET', cursor_key, i .. ':' .. j, 'PX', T.record_ttl_ms)
commit()
return { 'done', '', facts }
