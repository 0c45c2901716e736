#!lua
-- Compare: what a client found by holding its event stream against reads is added to the sums of the day.
-- KEYS[1]  {shard}p:<person>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 person, 5 same, 6 stream_first, 7 poll_first, 8 missed, 9 differ
-- Returns  noted, state, facts
-- Events   none
-- Invariants: no sign of life
-- include: context view
local DAY_MS = 86400000
local person = ARGV[4]
local found = { same = ARGV[5], stream_first = ARGV[6], poll_first = ARGV[7], missed = ARGV[8], differ = ARGV[9] }
local sums, any = S .. 'compared:' .. math.floor(wall / DAY_MS), false
for name, count in pairs(found) do
  if count ~= '0' then
    redis.call('HINCRBY', sums, name, count)
    fact('compared ' .. name .. ' ' .. count)
    any = true
  end
end
if any then redis.call('PEXPIRE', sums, 3 * DAY_MS) end
return { 'noted', state_json(load(person) or unknown(person)), facts }
