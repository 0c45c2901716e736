#!lua flags=allow-oom
-- Echo: a process's probe of its own subscription, with the number of publications that were made there before.
-- KEYS[1]  {shard}published
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 channel, 5 token, 6 process
-- Returns  how many heard it
-- Events   P <token> <number of publications>
-- Invariants: none
local published, channel, token, process = KEYS[1], ARGV[4], ARGV[5], ARGV[6]
local count = redis.call('HGET', published, process) or '0'
return redis.call('PUBLISH', channel, 'P ' .. token .. ' ' .. count)
