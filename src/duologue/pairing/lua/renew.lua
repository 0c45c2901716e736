#!lua flags=allow-oom
-- Renew: an attached person's session lasts longer than the token that their connection came with.
-- KEYS[1]  {shard}p:<person>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 person, 5 until (ms, 0 only asks)
-- Returns  ok, "", facts, until (ms, 0: no renewal is known)
-- Events   none
-- Invariants: never sooner than before; kept for the attached only (a detach forgets it), and no longer than it says
-- include: context
local person, until_ = ARGV[4], tonumber(ARGV[5])
local key = S .. 'until:' .. person
local last = tonumber(redis.call('GET', key) or 0)
if until_ > math.max(last, wall) then
  local r = load(person)
  if r and r.connection ~= '' then
    redis.call('SET', key, string.format('%.0f', until_), 'PX', string.format('%.0f', until_ - wall))
    last = until_
  end
end
return { 'ok', '', facts, string.format('%.0f', last) }
