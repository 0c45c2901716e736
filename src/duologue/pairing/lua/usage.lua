#!lua flags=no-writes
-- Usage: whom which transport reaches, all processes together, and what comparing found today and yesterday.
-- KEYS[1]  {shard}beats
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), then the names of the sums
-- Returns  people on streams, people who poll, today's sums, yesterday's sums, both in the order of the names, people compared (of the two days the one with more), people of both days with a missed or different state
-- Events   none
-- Invariants: a buried process holds nobody
-- include: context
local DAY_MS = 86400000
local beats, names = KEYS[1], {}
for i = 4, #ARGV do names[#names + 1] = ARGV[i] end
local on_sse, on_poll = 0, 0
for _, process in ipairs(redis.call('ZRANGE', beats, 0, 1023)) do
  local sse, poll = string.match(redis.call('HGET', S .. 'held', process) or '0:0', '^(%d+):(%d+)')
  on_sse, on_poll = on_sse + sse, on_poll + poll
end
local function sums(day)
  local found = redis.call('HMGET', S .. 'compared:' .. day, unpack(names))
  for i = 1, #names do found[i] = found[i] or '0' end
  return found
end
local today = math.floor(wall / DAY_MS)
local function compared(day) return tonumber(redis.call('HGET', S .. 'compared:' .. day, 'people') or 0) end
local people = math.max(compared(today), compared(today - 1))
local troubled = redis.call('SUNION', S .. 'troubled:' .. today, S .. 'troubled:' .. today - 1)
return { on_sse, on_poll, sums(today), sums(today - 1), people, #troubled }
