#!lua flags=no-writes
-- Webhook-read: how far the delivery to one endpoint has come.
-- KEYS[1]  {shard}webhook:<endpoint>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 endpoint
-- Returns  ok, Redis's clock (ms), facts, state (JSON or ""), when an operator asked last to try again (ms; 0: never), events that are owed: number, what is noted of it (JSON), number, …
-- Events   none
-- Invariants: a pure read
-- include: context
local state, retry = unpack(redis.call('HMGET', KEYS[1], 'state', 'retry'))
return { 'ok', wall, facts, state or '', tonumber(retry or 0), redis.call('HGETALL', S .. 'owing:' .. ARGV[4]) }
