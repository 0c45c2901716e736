#!lua flags=allow-oom
-- Beat: a process whose own probe came back over its own subscription is alive.
-- KEYS[1]  {shard}beats
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 process, 5 its last beat as that was answered (ms), 6 people whom it holds by streams, 7 by polls, 8 number of this beat, 9 number of the last one that was answered, 10 whether calls wait long in this process (0|1)
-- Returns  1 known | 0 buried (also half) or forgotten since then, people online, people alone, now (ms): the beat, wall (ms): Redis's clock, other processes that beat, people attached to this process
-- Events   none
-- Invariants: a buried process is told so; nothing falls due while a process is slow, for `SLOW_MOST_MS` at a stretch
-- include: context
local SLOW_MOST_MS, STRETCH_MS = 120000, 10000
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
-- Signs of life wait in the process, or were refused by it: its people cannot be blamed for that. It is bounded, because
-- somebody whose partner is gone waits as well.
local function hold_deadlines()
  local since, last = unpack(redis.call('HMGET', SWEEP, 'slow_since', 'slow_last'))
  since, last = tonumber(since) or now, tonumber(last) or 0
  if last > now or since > now or now - last > STRETCH_MS then since = now end
  redis.call('HSET', SWEEP, 'slow_since', string.format('%.0f', since), 'slow_last', string.format('%.0f', now))
  if now - since > SLOW_MOST_MS then return end -- guard: slow-bounded
  redis.call('HSET', SWEEP, 'quiet_until', string.format('%.0f', now + T.outage_quiet_ms)) -- guard: slow-quiet
end
if ARGV[10] == '1' then hold_deadlines() end

-- Each process asks twice a second: of many processes only the first in `COUNTED_MS` counts the people of all.
local FEW, MOST, COUNTED_MS = 32, 1023, 500
local counted, online = unpack(redis.call('HMGET', SWEEP, 'counted', 'online'))
local age = now - tonumber(counted or 0)
local recent = age >= 0 and age < COUNTED_MS and redis.call('ZCARD', beats) > FEW -- guard: counted-once -- off: local recent = false
if not recent then
  online = 0
  for _, each in ipairs(redis.call('ZRANGE', beats, 0, MOST)) do
    online = online + redis.call('SCARD', S .. 'at:' .. each)
  end
  redis.call('HSET', SWEEP, 'counted', string.format('%.0f', now), 'online', string.format('%.0f', online))
end
online = tonumber(online)
local others = redis.call('ZCOUNT', beats, now - T.process_dead_ms, '+inf') - 1
return { known and 1 or 0, online, redis.call('ZCARD', S .. 'alone'), string.format('%.0f', now), string.format('%.0f', wall), others, redis.call('SCARD', S .. 'at:' .. process) }
