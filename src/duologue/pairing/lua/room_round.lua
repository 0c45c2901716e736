#!lua flags=allow-oom
-- Room-round: one process claims the reconciler's round, keeps it, or ends it. How rooms are now is in each answer.
-- KEYS[1]  {shard}rooms
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (one to begin), 4 begin | keep | end, 5 generation (to begin: that of the caller's last round, or ""), 6 how many rooms LiveKit listed (to end; -1: the listing failed)
-- Returns  yours | wait | stale, "", facts, generation, how long to wait (ms), now (ms), wall (ms): Redis's clock, rooms of live matches, rooms to be deleted, rooms that the last round listed
-- Events   none
-- Invariants: one holder at a time; a claim whose process died, or is too slow, lapses
-- include: context rounds
local word, generation, listed = ARGV[4], ARGV[5], tonumber(ARGV[6])
local holder, until_, due, seen = unpack(redis.call('HMGET', ROUND, 'holder', 'until', 'due', 'listed'))
until_, due = tonumber(until_ or 0), tonumber(due or 0)

local function answer_round(said, wait_ms)
  local owned, closing = redis.call('ZCARD', KEYS[1]), redis.call('ZCARD', S .. 'closing')
  return {
    said, '', facts, said == 'yours' and generation or '', string.format('%.0f', wait_ms),
    string.format('%.0f', now), string.format('%.0f', wall), owned, closing, tonumber(seen or 0),
  }
end

if word == 'keep' then return answer_round(holds_round(generation) and 'yours' or 'stale', 0) end

if word == 'end' then
  if not holds_round(generation) then return answer_round('stale', 0) end
  local failed = listed < 0 -- another process may see LiveKit where this one does not, so it need not wait
  due = failed and now - ROOMS.round_spare_ms or now + ROOMS.round_ms
  redis.call('HSET', ROUND, 'until', '0', 'due', string.format('%.0f', due))
  if not failed then
    seen = listed
    redis.call('HSET', ROUND, 'listed', string.format('%.0f', listed))
  end
  return answer_round('yours', 0)
end

-- The same process goes on with a round that it had begun: of two, one failed before its end. It comes first, too, for it
-- knows since when it has seen each room.
local own = holder and holder == generation
local free_at = until_ > 0 and until_ or due + ROOMS.round_spare_ms
if own then free_at = until_ > 0 and now or due end
local free = free_at <= now -- guard: round-claimed -- off: local free = true
local beyond = free_at > now + math.max(ROOMS.round_lapse_ms, ROOMS.round_ms + ROOMS.round_spare_ms) -- guard: round-bounded -- off: local beyond = false
if not free and not beyond then return answer_round('wait', free_at - now) end

generation = fresh('r_')
local lapses = now + ROOMS.round_lapse_ms -- guard: round-lapses -- off: local lapses = now + T.block_ttl_ms
redis.call('HSET', ROUND, 'holder', generation, 'until', string.format('%.0f', lapses))
return answer_round('yours', 0)
