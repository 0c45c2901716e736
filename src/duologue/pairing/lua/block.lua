#!lua flags=allow-oom
-- Block: never again with this partner, of the match now or of one of the last 8; on request the match is skipped too.
-- KEYS[1]  {shard}p:<person>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids, 4 person, 5 match, 6 skip (0|1)
-- Returns  blocked | unknown-match, state, facts
-- Events   those of a skip
-- Invariants: never disclosed: the other side reads partner-skipped; it works in a full store
-- include: context view rooms queue presence closing reported ending
local person, match, skip = ARGV[4], ARGV[5], ARGV[6] == '1'
local r = load(person)
local live = r and r.match == match and match ~= ''
local partner = live and partner_of(load_match(match), r).id or recall(person, match)
if not r or not partner then
  return { 'unknown-match', state_json(r or unknown(person)), facts }
end

if live then sign(r, skip) end
local blocks = S .. 'blocks:' .. person
redis.call('SADD', blocks, partner)
redis.call('PEXPIRE', blocks, T.block_ttl_ms)
if live and skip then end_by_skip(load_match(match), r) end
return answer('blocked', r)
