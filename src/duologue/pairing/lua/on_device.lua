#!lua flags=no-writes
-- On-device: the people of a device who are attached to a process, one page of its list a call.
-- KEYS[1]  {shard}at:<process>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 cursor, 5 device
-- Returns  ok, next cursor ("0": the end), facts, their ids
-- Events   none
-- Invariants: a pure read
-- include: context
local page, found = redis.call('SSCAN', KEYS[1], ARGV[4], 'COUNT', 50), {}
for _, person in ipairs(page[2]) do
  local r = load(person)
  if r and r.device == ARGV[5] then found[#found + 1] = person end
end
return { 'ok', page[1], facts, found }
