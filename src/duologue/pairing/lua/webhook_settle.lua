#!lua flags=allow-oom
-- Webhook-settle: what became of deliveries to one endpoint is noted.
-- KEYS[1]  {shard}webhook:<endpoint>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 endpoint, 5 holder of the claim, 6 state (JSON), 7 what webhook.disabled says (JSON; "": it was not disabled now), then pairs: number of an event, what is noted of it (JSON; "": it is owed no longer)
-- Returns  ok | held, "", facts
-- Events   none
-- Invariants: what a process says whose claim was taken over is refused
-- include: context events
local endpoint, holder = ARGV[4], ARGV[5]
local held_by = redis.call('HGET', S .. 'webhooks', 'holder')
local ours = held_by == holder -- guard: webhook-fence -- off: local ours = true
if not ours then return { 'held', '', facts } end
local owing = S .. 'owing:' .. endpoint
local repeated = redis.call('HGET', KEYS[1], 'state') == ARGV[6] -- guard: disabled-once -- off: local repeated = false
if ARGV[7] ~= '' and not repeated then emit('webhook.disabled', '', ARGV[7]) end
redis.call('HSET', KEYS[1], 'state', ARGV[6])
redis.call('PEXPIRE', KEYS[1], T.webhook_kept_ms)
for i = 8, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    redis.call('HDEL', owing, ARGV[i])
  else
    redis.call('HSET', owing, ARGV[i], ARGV[i + 1])
  end
end
redis.call('PEXPIRE', owing, T.webhook_kept_ms)
return { 'ok', '', facts }
