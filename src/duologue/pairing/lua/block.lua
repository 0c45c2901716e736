#!lua flags=allow-oom
-- Block: never again with this partner, of the match now or of one of the last 8; on request the match is skipped too.
-- KEYS[1]  {shard}p:<person>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids, 4 person, 5 match, 6 skip (0|1)
-- Returns  blocked | unknown-match, state, facts
-- Events   those of a skip
-- Invariants: never disclosed: the other side reads partner-skipped; it works in a full store; of 1,000 marks the oldest go
-- include: context events index view rooms queue fitting seeking presence closing reported ending
-- The marks of the person who is blocked. One's own device and network are left out: two tabs of one browser, or two people of one
-- household, would else keep the others of it away as well.
local BLOCKED_MAX = 1000
local function block(r, id)
  local key, other, at = S .. 'blocked:' .. r.id, load(id), string.format('%.0f', wall)
  redis.call('ZADD', key, at, id)
  if other then
    local own_device = other.device == r.device -- guard: own-device -- off: local own_device = false
    if other.device ~= '' and not own_device then redis.call('ZADD', key, at, 'd:' .. other.device) end
    local own_network = other.network == r.network -- guard: own-network -- off: local own_network = false
    if other.network ~= '' and not own_network then redis.call('ZADD', key, at, 'n:' .. other.network) end
  end
  redis.call('ZREMRANGEBYRANK', key, 0, -BLOCKED_MAX - 1) -- guard: blocks-bounded
  redis.call('PEXPIRE', key, T.block_ttl_ms)
  if r.again_with ~= id then return end
  -- The person who blocks waits for the other one no more. What the other one reads ends with their next look.
  expect_nobody(r) -- guard: blocker-expects-nobody
  if other then
    unsettle(other)
    other.seek = now
  end
end

local person, match, skip = ARGV[4], ARGV[5], ARGV[6] == '1'
local r = load(person)
local live = r and r.match == match and match ~= ''
local partner = live and partner_of(load_match(match), r).id or recall(person, match)
if not r or not partner then
  return { 'unknown-match', state_json(r or unknown(person)), facts }
end

if live then sign(r, skip) end
block(r, partner)
if live and skip then end_by_skip(load_match(match), r) end
return answer('blocked', r)
