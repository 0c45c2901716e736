#!lua flags=allow-oom
-- Bury: a process without a beat is dead; its people are detached, our own doing: nobody is told.
-- KEYS[1]  {shard}beats
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids
-- Returns  more | done, "", facts
-- Events   none
-- Invariants: nobody is buried within `outage_quiet_ms` of an outage
-- include: context events index view rooms queue presence sweeping
local beats = KEYS[1]
-- A call takes less than 5 ms of the store (docs/performance.md).
local MOST = 300
local PEOPLE = 50 -- guard: burial-bounded -- off: local PEOPLE = 200
record_sweep() -- guard: slow-pass
if in_outage() then return { 'done', '', facts } end
local dead = redis.call('ZRANGEBYSCORE', beats, '-inf', now - T.process_dead_ms, 'LIMIT', 0, 1)[1]
if not dead then return { 'done', '', facts } end

redis.call('ZADD', beats, 0, dead) -- if it lives after all, its next beat finds another score than its last
redis.call('HDEL', S .. 'held', dead)
local at = S .. 'at:' .. dead
local buried = 0
local people_there = redis.call('SRANDMEMBER', at, math.min(PEOPLE, ids_left()))
for _, person in ipairs(people_there) do
  if cost() >= MOST then break end
  buried = buried + 1
  local r = load(person)
  if r and r.process == dead then
    disconnect(r, 'ours') -- guard: burial-is-ours -- off: disconnect(r, 'closed')
  else
    redis.call('SREM', at, person)
  end
end
if redis.call('SCARD', at) == 0 then
  redis.call('ZREM', beats, dead)
  redis.call('HDEL', S .. 'published', dead)
end
commit()
fact(string.format('buried %d', buried))
return { 'more', '', facts }
