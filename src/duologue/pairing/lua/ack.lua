#!lua flags=allow-oom
-- Ack: the caller left the room of a match that is theirs now, or was among their last 8. With both, it can be deleted.
-- KEYS[1]  {shard}p:<person>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 person, 5 match
-- Returns  ok | stale, state, facts
-- Events   R to the caller's process
-- Invariants: no sign of life: it may be about an ended match; one for each match and person
-- include: context events index view rooms queue
local person, match = ARGV[4], ARGV[5]
local r = load(person)
local known = r and (r.match == match or recall(person, match) ~= nil) -- guard: ack-of-own -- off: local known = r
if not known then return stale(person) end

local e = load_room(match)
local waits = e and e.step == 'closing' and e.begun == 0 -- once the deletion is under way there is nothing to hasten
if waits then
  if e.a == person then e.acked_a, e.touched = 1, true end
  if e.b == person then e.acked_b, e.touched = 1, true end
  local all = e.acked_a == 1 and e.acked_b == 1 -- guard: acked-by-both -- off: local all = true
  if all then
    due_room(e, now)
    wake(r.process)
  end
end
return answer('ok', r)
