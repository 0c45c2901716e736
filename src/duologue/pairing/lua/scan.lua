#!lua flags=allow-oom
-- Scan: one pass step over a pool, person i against 16 from j on, so that every pair is looked at in the end.
-- KEYS[1]  {shard}q:<pool>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids, 4 pool
-- Returns  done, "", facts
-- Events   new-match; waiting, where video went away or came back
-- Invariants: 4 no limbo without a new arrival
-- include: context view rooms queue sweeping
local queue, pool = KEYS[1], ARGV[4]
record_sweep() -- guard: slow-pass
local cursor_key = S .. 'scan:' .. pool

-- Video is away, or back: those who wait here read it, by place, 64 a call; once it is back each is paired first.
-- Who is held reads it with their next sign.
local TELL = 64
local function tell_pool()
  local field, off = 'told:' .. pool, video_off()
  local at, told = unpack(redis.call('HMGET', VIDEO, 'at', field))
  if not at then return end
  local told_at, rank = string.match(told or '', '^(%d+):(%d+)$')
  if told == at .. ':all' then return end
  if told_at ~= at then rank = 0 end
  local batch, seen, stayed = redis.call('ZRANGE', queue, rank, rank + TELL - 1), {}, 0
  for _, id in ipairs(batch) do
    if ids_left() < 3 then break end
    local r = load(id)
    if r and r.pairable > 0 and (r.video_off or 0) ~= off then
      r.video_off = off
      touch(r)
      if off == 1 or not pair(r) then show(r, frame('waiting')) end
    end
    seen[#seen + 1] = r
  end
  for _, r in ipairs(seen) do
    if r and r.pairable > 0 then stayed = stayed + 1 end
  end
  local all = #seen == #batch and #batch < TELL
  redis.call('HSET', VIDEO, field, at .. ':' .. (all and 'all' or string.format('%.0f', rank + stayed)))
end

if MEDIA_KIND == 'livekit' then tell_pool() end
if video_off() == 1 then
  commit()
  return { 'done', '', facts }
end

local n = redis.call('ZCARD', queue)
if n < 2 then
  commit()
  return { 'done', '', facts }
end

local i, j = string.match(redis.call('GET', cursor_key) or '0:1', '^(%d+):(%d+)$')
i, j = tonumber(i), tonumber(j)
for _ = 1, T.scan_windows do
  if i >= n - 1 then i, j = 0, 1 end
  if n < 2 then break end
  local id = redis.call('ZRANGE', queue, i, i)[1]
  local past_end = not id -- guard: scan-past-end -- off: local past_end = false
  if past_end then
    -- Entries of lost records went meanwhile, so there are fewer than were counted: the pass begins again.
    i, j = 0, 1
    break
  end
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
