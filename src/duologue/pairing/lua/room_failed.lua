#!lua flags=allow-oom
-- Room-failed: what was claimed did not work out. It is tried again, later each time, until it does.
-- KEYS[1]  {shard}rooms
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 match, 5 generation
-- Returns  ok | stale, "", facts
-- Events   none
-- Invariants: 8 retried until done; fenced by the generation
-- include: context index view rooms
local match, generation = ARGV[4], ARGV[5]
local e = load_room(match)
local late = not e or e.generation ~= generation -- guard: claim-fence -- off: local late = not e
if late then return { 'stale', '', facts } end

local most = ROOMS.open_retry_most_ms
if e.step == 'closing' then most = ROOMS.close_retry_most_ms else e.step = 'wanted' end
e.generation = ''
due_room(e, now + math.min(ROOMS.retry_ms * 2 ^ math.min(e.tries - 1, 20), most)) -- guard: failed-again -- off: due_room(e, '+inf')
fact('room failed')
commit()
return { 'ok', '', facts }
