#!lua flags=allow-oom
-- Network-key: the wrapped keys of this store's network marks, by the signing key that unwraps each; the first proposal stays.
-- KEYS[1]  {shard}network-key
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 name of the signing key, or "": only asked, 5 proposal
-- Returns  ok, "", facts, names and wrapped keys in turn
-- Events   none
-- Invariants: servers that start together use one key
local name, proposal = ARGV[4], ARGV[5]
if name ~= '' then redis.call('HSETNX', KEYS[1], name, proposal) end
return { 'ok', '', {}, redis.call('HGETALL', KEYS[1]) }
