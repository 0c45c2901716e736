-- When nobody swept for a while, the store or every server was away: deadlines wait until all could come back.
local SWEEP = S .. 'sweep'

-- True while nothing may fall due. Only `expire` moves the record of the last sweep.
local function in_outage()
  local last, quiet_until = unpack(redis.call('HMGET', SWEEP, 'last', 'quiet_until'))
  if last and now - last > T.outage_ms then return true end -- guard: outage-quiet
  return quiet_until and now < tonumber(quiet_until)
end

-- A lease is renewed at heartbeats: it may not end before each client had one since the outage.
local function in_lease_outage()
  local quiet_until = redis.call('HGET', SWEEP, 'quiet_until')
  return quiet_until and now < quiet_until + T.lease_grace_ms
end

local function record_sweep()
  local last = redis.call('HGET', SWEEP, 'last')
  if last and now - last > T.outage_ms then
    redis.call('HSET', SWEEP, 'quiet_until', string.format('%.0f', now + T.outage_quiet_ms)) -- guard: outage-quiet
  end
  redis.call('HSET', SWEEP, 'last', string.format('%.0f', now))
end
