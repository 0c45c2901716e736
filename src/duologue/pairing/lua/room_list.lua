#!lua flags=no-writes
-- Room-list: matches whose room is open, one page a call.
-- KEYS[1]  {shard}rooms
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 how many to leave out (those of the pages before)
-- Returns  ok, "", facts, matches, how many to leave out next (0: that was the end)
-- Events   none
-- Invariants: what a page misses because others closed meanwhile is in the next round's
-- include: context
local skipped, page = tonumber(ARGV[4]), 1000
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '+inf', '+inf', 'LIMIT', skipped, page)
return { 'ok', '', facts, found, #found == page and skipped + page or 0 }
