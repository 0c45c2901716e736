#!lua flags=no-writes
-- Ack: the caller left the room of a match that is theirs now, or was among their last 8.
-- KEYS[1]  {shard}p:<person>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 person, 5 match
-- Returns  ok | stale, state, facts
-- Events   none
-- Invariants: no sign of life: it may be about an ended match
-- include: context view queue
local person, match = ARGV[4], ARGV[5]
local r = load(person)
local known = r and (r.match == match or recall(person, match) ~= nil)
return { known and 'ok' or 'stale', state_json(r or unknown(person)), facts }
