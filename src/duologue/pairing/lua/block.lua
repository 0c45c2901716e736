#!lua flags=allow-oom
-- Block, and report: never again with this partner, of the match now or of one of the last 8; on request the match is skipped too.
-- KEYS[1]  {shard}p:<person>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids, 4 person, 5 match, 6 skip (0|1), 7 word: blocked | reported, 8 key, 9 reason, 10 text
-- Returns  blocked | reported | unknown-match, state, facts
-- Events   those of a skip
-- Invariants: never disclosed: the other side reads partner-skipped
-- include: context view rooms queue presence closing ending
local person, match, skip, word = ARGV[4], ARGV[5], ARGV[6] == '1', ARGV[7]
local client_key, reason, text = ARGV[8], ARGV[9], ARGV[10]
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
if word == 'reported' and redis.call('SET', S .. 'reported:' .. person .. ':' .. match .. ':' .. client_key, 1, 'NX', 'PX', T.recent_ttl_ms) then
  redis.call('XADD', S .. 'reports', 'MAXLEN', '~', 10000, '*', 'person', person, 'partner', partner, 'match', match,
    'at_ms', string.format('%.0f', now), 'reason', reason, 'text', text)
  redis.call('COPY', S .. 'msg:' .. match, S .. 'evidence:' .. match, 'REPLACE')
  redis.call('PEXPIRE', S .. 'evidence:' .. match, T.block_ttl_ms)
end
if live and skip then end_by_skip(load_match(match), r) end
return answer(word, r)
