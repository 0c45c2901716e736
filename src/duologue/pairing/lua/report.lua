#!lua
-- Report: what a person says of a match is kept for the operator, with all that was said in it. One report per person and match: again, it is amended.
-- KEYS[1]  {shard}p:<person>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 person, 5 match, 6 key, 7 reason, 8 text (JSON string)
-- Returns  reported | no-room | unknown-match, state, facts
-- Events   none
-- Invariants: never disclosed; nothing is written over; no more than `evidence_bytes` in all; a repeated key has no second effect
-- include: context events index view rooms queue reported evidence
local person, match, client_key, reason, text = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local r = load(person)
local m = r and r.match == match and match ~= '' and load_match(match)
local partner = m and partner_of(m, r).id or r and recall(person, match)
if not partner then return { 'unknown-match', state_json(r or unknown(person)), facts } end

local key, field = report_key(match), 'by:' .. person
local old = redis.call('HGET', key, field)
local report = old and cjson.decode(old) or { at_ms = wall, amended = -1, keys = {} }
for _, known in ipairs(report.keys) do
  if known == client_key then return answer('reported', r) end -- guard: report-key
end
if report.amended >= AMENDMENTS then -- guard: amendments -- off: if false then
  fact('report not-amended')
  return answer('reported', r)
end

report.keys[#report.keys + 1] = client_key
local new = string.format(
  '{"at_ms":%.0f,"about":"%s","reason":"%s","text":%s,"amended":%d,"amended_at_ms":%.0f,"keys":%s}',
  report.at_ms, partner, reason, text, report.amended + 1, wall, cjson.encode(report.keys))
local more = old and #new - #old or #new + REPORT_BYTES
if not fits(more, T.evidence_bytes, match) then -- guard: report-cap -- off: if false then
  fact('report refused')
  return answer('no-room', r)
end

redis.call('HSET', key, field, new)
redis.call('HSETNX', key, 'at_ms', string.format('%.0f', wall))
redis.call('HDEL', key, 'decided_at_ms') -- What is new has not been decided on.
redis.call('ZREM', S .. 'decided', match)
redis.call('ZADD', S .. 'reports', 'NX', wall + T.block_ttl_ms, match)
take(match, more)
fact(old and 'report amended' or 'report filed')
if not old then emit('report.created', partner, '{"match":"' .. match .. '","reason":"' .. reason .. '"}') end
if redis.call('HGET', key, 'evidence') ~= 'kept' then -- guard: pinned-once -- off: if true then
  pin_said(match, m)
end
return answer('reported', r)
