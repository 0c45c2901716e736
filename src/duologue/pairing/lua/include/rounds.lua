-- The round of the reconciler (mechanism 8): one process at a time holds the rooms that exist against those that should.
-- `round`: `holder` (the generation of the last claim), `until` (ms: the claim lapses; 0: the round ended), `due` (ms: the
-- next round, for the process that had the last one) and `listed` (how many rooms that one saw).
local ROUND = S .. 'round'

-- Whether the claim of this generation still holds; each step of a round makes it last longer. Without a generation nothing
-- is claimed: a single room is looked at.
local function holds_round(generation)
  if generation == '' then return true end
  local holder, until_ = unpack(redis.call('HMGET', ROUND, 'holder', 'until'))
  local holds = holder == generation and tonumber(until_) > now -- guard: round-fence -- off: local holds = true
  if holds then redis.call('HSET', ROUND, 'until', string.format('%.0f', now + ROOMS.round_lapse_ms)) end
  return holds
end
