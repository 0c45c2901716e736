#!lua flags=allow-oom
-- Events-trim: events older than `events_ttl_ms` go, 1,000 a call. The numbers go on where they were.
-- KEYS[1]  {shard}events
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none)
-- Returns  more | done, "", facts
-- Events   none
-- Invariants: an event of the last `events_ttl_ms` stays, unless there are more than `kept_events`
-- include: context
local MOST = 1000
local rows = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', MOST)
local old = 0
for i, row in ipairs(rows) do
  if tonumber(row[2][4]) > wall - T.events_ttl_ms then break end
  old = i
end
if old > 0 then redis.call('XTRIM', KEYS[1], 'MINID', '0-' .. string.format('%.0f', tonumber(string.match(rows[old][1], '%-(%d+)$')) + 1)) end
return { old == MOST and 'more' or 'done', '', facts }
