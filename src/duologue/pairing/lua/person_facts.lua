#!lua flags=no-writes
-- Person-facts: what moderators may know of a person.
-- KEYS[1]  {shard}p:<person>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 person
-- Returns  ok, state, facts, known (0|1), attached (0|1), device, network, alias (JSON), ban (JSON or ""), warning (JSON or ""), ids of sanctions
-- Events   none
-- Invariants: a pure read
-- include: context events index view rooms queue presence sanctions
local person = ARGV[4]
local known = load(person)
local r = known or unknown(person)
local ban, warning = sanctions.of(person, r.device)
return { 'ok', state_json(r), facts, {
  known and 1 or 0, r.connection ~= '' and 1 or 0, r.device, r.network, r.alias, ban or '', warning or '',
  redis.call('LRANGE', S .. 'history:' .. person, 0, -1),
} }
