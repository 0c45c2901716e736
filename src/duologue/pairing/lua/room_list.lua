#!lua flags=no-writes
-- Room-list: matches whose room is open, one page a call.
-- KEYS[1]  {shard}rooms
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 how many to leave out (those of the pages before)
-- Returns  ok, "", facts, matches, how many to leave out next (0: that was the end), those of which a record was lost
-- Events   none
-- Invariants: what a page misses because others closed meanwhile is in the next round's
-- include: context
local skipped, page = tonumber(ARGV[4]), 500
-- By rank: a range by score with an offset would walk over all of the pages before.
local first = redis.call('ZCOUNT', KEYS[1], '-inf', '(+inf') + skipped
local found, open, lost = redis.call('ZRANGE', KEYS[1], first, first + page - 1), {}, {}

local function named(kind)
  local keys = {}
  for i, id in ipairs(found) do keys[i] = S .. kind .. id end
  return keys
end

local all = #found == 0 or redis.call('EXISTS', unpack(named('m:'))) + redis.call('EXISTS', unpack(named('room:'))) == 2 * #found
for _, id in ipairs(found) do
  local whole = all or redis.call('EXISTS', S .. 'm:' .. id, S .. 'room:' .. id) == 2 -- guard: lost-room-listed -- off: local whole = true
  local list = whole and open or lost
  list[#list + 1] = id
end
return { 'ok', '', facts, open, #found == page and skipped + page or 0, lost }
