#!lua flags=allow-oom
-- Room-audit: rooms of ours that LiveKit listed. Read after they were listed: one that nobody owns, or that is back, is to be deleted.
-- KEYS[1]  {shard}rooms
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 generation of the reconciler's round, or "": one room is looked at, then two a room: match, age (ms)
-- Returns  done | stale (the round is another's), "", facts, how many nobody owned
-- Events   none
-- Invariants: 8 a room of ours that no live match owns is found
-- include: context index view rooms closing rounds
if not holds_round(ARGV[4]) then return { 'stale', '', facts, 0 } end
local found = 0
for i = 5, #ARGV, 2 do
  local match, age = ARGV[i], tonumber(ARGV[i + 1])
  local m, e = load_match(match), load_room(match)
  -- It is there though it was deleted before: joining made it anew. Its next deletion need not wait.
  local back = e and e.step == 'closing' and e.generation == '' and e.begun > 0 -- guard: audit-hastens -- off: local back = false
  local unlisted = e and e.step == 'closing' and not redis.call('ZSCORE', S .. 'closing', match) -- the store lost it
  if back or unlisted then due_room(e, now) end
  if e and e.step ~= 'closing' and not m then begin_closing(e, now) end -- the store lost the match
  if not e and not (m and m.kind == 'livekit') then -- guard: audit-owned -- off: if true then
    local young = age < ROOMS.spare_ms -- guard: audit-spares -- off: local young = false
    if not young then
      begin_closing(new_room(match, 'closing', '', ''), now)
      fact('room orphaned')
      found = found + 1
    end
  end
end
commit()
return { 'done', '', facts, found }
