#!lua flags=allow-oom
-- Webhook-claim: one process at a time delivers events; its claim runs out `webhook_claim_ms` after it said so last.
-- KEYS[1]  {shard}webhooks
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 holder
-- Returns  claimed | kept | held, "", facts
-- Events   none
-- Invariants: of two holders one is refused
-- include: context
local holder, until_ = unpack(redis.call('HMGET', KEYS[1], 'holder', 'until'))
local lapsed = not until_ or tonumber(until_) <= now
if holder ~= ARGV[4] and not lapsed then return { 'held', '', facts } end -- guard: webhook-claimed
redis.call('HSET', KEYS[1], 'holder', ARGV[4], 'until', string.format('%.0f', now + T.webhook_claim_ms))
return { holder == ARGV[4] and not lapsed and 'kept' or 'claimed', '', facts }
