#!lua
-- Compare: what a client found by holding its event stream against reads is added to the sums of the day, within what one person may claim.
-- KEYS[1]  {shard}p:<person>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 person, 5 same, 6 stream_first, 7 poll_first, 8 missed, 9 differ
-- Returns  noted, state, facts
-- Events   none
-- Invariants: no sign of life; one person is one person, whatever they claim
-- include: context index view
local DAY_MS, KEPT_MS = 86400000, 3 * 86400000
-- Reads of one person that count in a day; from how many on the person counts as compared; and how many people a day are counted.
local READS_MOST, READS_ENOUGH, PEOPLE_MOST, TROUBLED_MOST = 2000, 20, 100000, 1000
-- The people of a day are in 16 parts: the store deletes one that ran out at once, which takes 28 ms of 100,000 people.
local PARTS = 16
local person, day = ARGV[4], math.floor(wall / DAY_MS)
-- What speaks against the streams comes first: what agrees must not use up what somebody may claim.
local found = {
  { 'missed', ARGV[8] }, { 'differ', ARGV[9] }, { 'same', ARGV[5] }, { 'stream_first', ARGV[6] }, { 'poll_first', ARGV[7] },
}
local claims = S .. 'claimed:' .. day .. ':' .. string.sub(redis.sha1hex(person), 1, 1)
local sums, troubled = S .. 'compared:' .. day, S .. 'troubled:' .. day

local function left_of(before)
  if not before and redis.call('HLEN', claims) >= PEOPLE_MOST / PARTS then return 0 end
  return READS_MOST - (before and tonumber(before) or 0) -- guard: claims-clipped -- off: return 1e9
end

local before = redis.call('HGET', claims, person)
local left, counted = left_of(before), 0
for _, each in ipairs(found) do
  local name, count = each[1], math.min(tonumber(each[2]), left - counted)
  if count > 0 then
    redis.call('HINCRBY', sums, name, count)
    fact(string.format('compared %s %.0f', name, count))
    counted = counted + count
  end
end
if counted > 0 then
  local claimed = redis.call('HINCRBY', claims, person, counted)
  if claimed >= READS_ENOUGH and claimed - counted < READS_ENOUGH then redis.call('HINCRBY', sums, 'people', 1) end
  redis.call('PEXPIRE', claims, KEPT_MS)
  redis.call('PEXPIRE', sums, KEPT_MS)
end
if (found[1][2] ~= '0' or found[2][2] ~= '0') and redis.call('SCARD', troubled) < TROUBLED_MOST then
  redis.call('SADD', troubled, person)
  redis.call('PEXPIRE', troubled, KEPT_MS)
end
return { 'noted', state_json(load(person) or unknown(person)), facts }
