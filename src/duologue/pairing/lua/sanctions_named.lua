#!lua flags=no-writes
-- Sanctions-named: sanctions as moderators read them, by their ids.
-- KEYS[1]  {shard}sanctions
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), then ids of sanctions
-- Returns  ok, "", facts, one of each: about (JSON or ""), device or "", lifted_at_ms or ""
-- Events   none
-- Invariants: a pure read
-- include: context
local rows = {}
for i = 4, #ARGV do
  local about, device, lifted = unpack(redis.call('HMGET', S .. 'sanction:' .. ARGV[i], 'about', 'device', 'lifted_at_ms'))
  rows[#rows + 1] = { about or '', device or '', lifted or '' }
end
return { 'ok', '', facts, rows }
