#!lua flags=allow-oom
-- Echo: a process's probe of its own subscription.
-- KEYS[1]  {shard}at:<process>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 channel, 5 token
-- Returns  how many heard it
-- Events   P <token>
-- Invariants: none
return redis.call('PUBLISH', ARGV[4], 'P ' .. ARGV[5])
