#!lua
-- Decide: the operator has decided on the reports about a match. They may give way to new ones from now on.
-- KEYS[1]  {shard}report:<match>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 match
-- Returns  decided | unknown-match, "", facts
-- Events   none
-- Invariants: a report that comes later is undecided again
-- include: context
local key, match = KEYS[1], ARGV[4]
if redis.call('EXISTS', key) == 0 then return { 'unknown-match', '', facts } end
redis.call('HSETNX', key, 'decided_at_ms', string.format('%.0f', wall))
redis.call('ZADD', S .. 'decided', 'NX', now, match)
fact('report decided')
return { 'decided', '', facts }
