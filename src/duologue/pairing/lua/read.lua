#!lua flags=no-writes
-- Read: the person's state; changes nothing.
-- KEYS[1]  {shard}p:<person>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 person
-- Returns  ok, state, facts
-- Events   none
-- Invariants: a pure read
-- include: context index view
local person = ARGV[4]
return { 'ok', state_json(load(person) or unknown(person)), facts }
