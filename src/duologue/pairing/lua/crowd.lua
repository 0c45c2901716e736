#!lua flags=allow-oom
-- Crowd: whether a person may attach from a network, asked before a stream is begun. `attach` asks again, and decides.
-- KEYS[1]  {shard}p:<person>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 person, 5 network
-- Returns  ok | crowded, "", facts
-- Events   none
-- Invariants: a person with a place is not refused
-- include: context events index view rooms queue presence
local person, network = ARGV[4], ARGV[5]
local full = crowded(load(person) or unknown(person), network)
return { full and 'crowded' or 'ok', '', facts }
