#!lua flags=no-writes
-- Processes: the server processes that may hold people.
-- KEYS[1]  {shard}beats
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none)
-- Returns  ok, "", facts, their ids
-- Events   none
-- Invariants: a pure read
-- include: context
return { 'ok', '', facts, redis.call('ZRANGE', KEYS[1], 0, 1023) }
