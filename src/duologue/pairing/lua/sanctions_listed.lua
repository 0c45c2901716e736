#!lua flags=no-writes
-- Sanctions-listed: the newest sanctions, or those behind one of them.
-- KEYS[1]  {shard}sanctions
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 id of the sanction before ("": from the newest), 5 how many at most
-- Returns  ok, "", facts, of each: id, and about (JSON or ""), device or "", lifted_at_ms or ""
-- Events   none
-- Invariants: a pure read
-- include: context
local rank = ARGV[4] ~= '' and redis.call('ZREVRANK', KEYS[1], ARGV[4])
local first, rows = rank and rank + 1 or 0, {}
for _, id in ipairs(redis.call('ZREVRANGE', KEYS[1], first, first + ARGV[5] - 1)) do
  local about, device, lifted = unpack(redis.call('HMGET', S .. 'sanction:' .. id, 'about', 'device', 'lifted_at_ms'))
  rows[#rows + 1] = { id, { about or '', device or '', lifted or '' } }
end
return { 'ok', '', facts, rows }
