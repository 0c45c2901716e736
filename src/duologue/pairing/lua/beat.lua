#!lua flags=allow-oom
-- Beat: a process whose own probe came back over its own subscription is alive.
-- KEYS[1]  {shard}beats
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 process, 5 its last beat as that was answered (ms), 6 people whom it holds by streams, 7 by polls
-- Returns  1 known | 0 buried (also half) or forgotten since then, people online, people alone, now (ms): the beat, wall (ms): Redis's clock
-- Events   none
-- Invariants: a buried process is told so
-- include: context
local beats, process = KEYS[1], ARGV[4]
local known = redis.call('ZSCORE', beats, process) == ARGV[5] -- guard: buried-unknown -- off: local known = true
redis.call('ZADD', beats, now, process)
redis.call('HSET', S .. 'held', process, ARGV[6] .. ':' .. ARGV[7])
local online = 0
for _, each in ipairs(redis.call('ZRANGE', beats, 0, 255)) do
  online = online + redis.call('SCARD', S .. 'at:' .. each)
end
return { known and 1 or 0, online, redis.call('ZCARD', S .. 'alone'), string.format('%.0f', now), string.format('%.0f', wall) }
