#!lua flags=allow-oom
-- Namespace: what the names of this store's rooms begin with; the first proposal stays.
-- KEYS[1]  {shard}namespace
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 proposal
-- Returns  ok, "", facts, the namespace
-- Events   none
-- Invariants: two stores on one LiveKit server touch each other's rooms only if they are told to share a name
-- include: context
local proposal = ARGV[4]
redis.call('SET', KEYS[1], proposal, 'NX')
return { 'ok', '', facts, redis.call('GET', KEYS[1]) }
