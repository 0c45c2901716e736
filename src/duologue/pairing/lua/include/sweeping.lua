-- When nobody swept for a while, the store or every server was away: deadlines wait until all could come back.
-- True while nothing may fall due.
local function in_outage() return now < quiet_until end

-- A lease is renewed at heartbeats: it may not end before each client had one since the outage.
local function in_lease_outage() return quiet_until > 0 and now < quiet_until + T.lease_grace_ms end

-- Each loop of a sweep records it: a pass over many pools may take longer than `outage_ms`. What was skipped is kept twice,
-- and made again here where one of the two was lost.
local function record_sweep()
  redis.call('HSET', SWEEP, 'last', string.format('%.0f', now))
  redis.call('HSETNX', SWEEP, 'skipped', string.format('%.0f', skipped)) -- guard: skipped-made-again
  redis.call('SET', S .. 'skipped', string.format('%.0f', skipped), 'NX') -- guard: skipped-made-again
end
