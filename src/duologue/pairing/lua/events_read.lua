#!lua flags=no-writes
-- Events-read: events of the outbox behind a number, the oldest first, each with the subject of its person if a host's token named one.
-- KEYS[1]  {shard}events
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 the number before, 5 how many at most
-- Returns  ok, Redis's clock (ms), facts, number of the last event that was ever written, number of the oldest that is kept (0: none), a list of number, kind, at (ms), person, fields (JSON), subject (JSON or "")
-- Events   none
-- Invariants: a pure read
-- include: context
local events, rows = KEYS[1], {}
local function seq(id) return tonumber(string.match(id, '%-(%d+)$')) end
local oldest = redis.call('XRANGE', events, '-', '+', 'COUNT', 1)[1]
local last = 0
if redis.call('EXISTS', events) == 1 then
  local info = redis.call('XINFO', 'STREAM', events)
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then last = seq(info[i + 1]) end
  end
end
if tonumber(ARGV[4]) < last and ARGV[5] ~= '0' then
  for _, row in ipairs(redis.call('XRANGE', events, '(0-' .. ARGV[4], '+', 'COUNT', ARGV[5])) do
    local of = row[2]
    rows[#rows + 1] = { seq(row[1]), of[2], tonumber(of[4]), of[6], of[8], of[6] ~= '' and redis.call('GET', S .. 'subject:' .. of[6]) or '' }
  end
end
return { 'ok', wall, facts, last, oldest and seq(oldest[1]) or 0, rows }
