#!lua flags=allow-oom
-- Beat: a process whose own probe came back over its own subscription is alive.
-- KEYS[1]  {shard}beats
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 process, 5 its last beat as that was answered (ms), 6 people whom it holds by streams, 7 by polls, 8 number of this beat, 9 number of the last one that was answered
-- Returns  1 known | 0 buried (also half) or forgotten since then, people online, people alone, now (ms): the beat, wall (ms): Redis's clock, other processes that beat, people attached to this process
-- Events   none
-- Invariants: a buried process is told so
-- include: context
local beats, process, number, answered = KEYS[1], ARGV[4], tonumber(ARGV[8]), tonumber(ARGV[9])
local score, held = tonumber(redis.call('ZSCORE', beats, process) or 0), redis.call('HGET', S .. 'held', process)
-- Only a burial takes `held` away, and only a store that was set back has an older beat. A later one than the process knows
-- of is its own, whose answer came too late or was lost.
local lasts = held and score >= tonumber(ARGV[5]) -- guard: late-beat -- off: local lasts = held and score == tonumber(ARGV[5])
-- The beat that was unknown; each one says so until the answer to that one, or to a later one, was read.
local unknown = lasts and tonumber(string.match(held, ':(%d+)$')) or number -- guard: unknown-kept -- off: local unknown = lasts and 0 or number
if unknown <= answered then unknown = 0 end -- guard: unknown-read
local known = unknown == 0 -- guard: buried-unknown -- off: local known = true
redis.call('ZADD', beats, now, process)
redis.call('HSET', S .. 'held', process, ARGV[6] .. ':' .. ARGV[7] .. ':' .. string.format('%.0f', unknown))
local online = 0
for _, each in ipairs(redis.call('ZRANGE', beats, 0, 255)) do
  online = online + redis.call('SCARD', S .. 'at:' .. each)
end
local others = redis.call('ZCOUNT', beats, now - T.process_dead_ms, '+inf') - 1
return { known and 1 or 0, online, redis.call('ZCARD', S .. 'alone'), string.format('%.0f', now), string.format('%.0f', wall), others, redis.call('SCARD', S .. 'at:' .. process) }
