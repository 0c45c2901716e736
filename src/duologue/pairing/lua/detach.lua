#!lua flags=allow-oom
-- Detach: a connection ended. Whoever waits or talks owes a sign; the place is kept.
-- KEYS[1]  {shard}p:<person>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids, 4 person, 5 connection, 6 cause: closed | ours
-- Returns  ok | stale, "", facts
-- Events   partner-away (closed only)
-- Invariants: 3 fenced by the connection
-- include: context events index view rooms queue presence
local person, connection, cause = ARGV[4], ARGV[5], ARGV[6]
local r = load(person)
if not r then return { 'stale', '', facts } end
local late = r.connection ~= connection -- guard: connection-fence -- off: local late = r.connection == ''
if late then return { 'stale', '', facts } end

disconnect(r, cause)
commit()
return { 'ok', '', facts }
