#!lua flags=no-writes
-- Barred: whether a person, or a new person on this device, is kept out.
-- KEYS[1]  {shard}p:<person>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 person or "", 5 device or ""
-- Returns  ok | barred, what they read of it (JSON) or "", facts
-- Events   none
-- Invariants: a pure read
-- include: context events index view rooms queue presence sanctions
local ban = sanctions.of(ARGV[4], ARGV[5])
return { ban and 'barred' or 'ok', ban or '', facts }
