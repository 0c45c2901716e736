#!lua flags=allow-oom
-- Webhook-retry: an operator asks for what one endpoint is owed to be tried again now, also if the endpoint was disabled.
-- KEYS[1]  {shard}webhook:<endpoint>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none)
-- Returns  ok | unknown, "", facts
-- Events   none
-- Invariants: the process that delivers reads it and does it
-- include: context
if redis.call('EXISTS', KEYS[1]) == 0 then return { 'unknown', '', facts } end
redis.call('HSET', KEYS[1], 'retry', string.format('%.0f', wall))
return { 'ok', '', facts }
