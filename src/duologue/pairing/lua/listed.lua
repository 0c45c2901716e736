#!lua flags=allow-oom
-- Listed: whom the store believes this process to hold, one page of the set a call; entries that moved on are dropped.
-- KEYS[1]  {shard}at:<process>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 process, 5 cursor
-- Returns  next cursor ("0": the end), flat list of person, connection
-- Events   none
-- Invariants: `at:<process>` lists exactly those whose record names the process
-- include: context
local at, process, cursor = KEYS[1], ARGV[4], ARGV[5]
local page = redis.call('SSCAN', at, cursor, 'COUNT', 50)
local found = {}
for _, person in ipairs(page[2]) do
  local r = load(person)
  if r and r.process == process then
    found[#found + 1] = person
    found[#found + 1] = r.connection
  else
    redis.call('SREM', at, person)
  end
end
return { page[1], found }
