#!lua flags=allow-oom
-- Room-gone: LiveKit has the room no more. Done, unless a create may still land: then it is deleted once more.
-- KEYS[1]  {shard}rooms
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 match, 5 generation, 6 found (0|1: it was there)
-- Returns  gone | again | stale, "", facts
-- Events   none
-- Invariants: 8 deleted until the longest create has passed; fenced by the generation
-- include: context index view rooms closing
local match, generation, found = ARGV[4], ARGV[5], ARGV[6] == '1'
local e = load_room(match)
local late = not e or e.step ~= 'closing' or e.generation ~= generation -- guard: claim-fence -- off: local late = not e or e.step ~= 'closing'
if late then return { 'stale', '', facts } end

-- Where joining makes a room, an old token may bring it back: until it stays gone.
if found and ROOMS.auto_create then e.tries, e.late = 0, now + ROOMS.linger_ms end
local done = e.begun >= e.late -- guard: late-create -- off: local done = true
if done then
  fact(string.format('room-gone %.0f', now - e.ended))
  drop_room(e)
  commit()
  return { 'gone', '', facts }
end
local pause = ROOMS.again_ms * (ROOMS.auto_create and 2 ^ math.min(e.tries, 5) or 1)
e.generation = ''
due_room(e, math.min(e.late, now + pause))
commit()
return { 'again', '', facts }
