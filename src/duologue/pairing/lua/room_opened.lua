#!lua flags=allow-oom
-- Room-opened: LiveKit has the room. Whatever claim it comes from, that is so; but only an unended match takes it.
-- KEYS[1]  {shard}rooms
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 match, 5 generation
-- Returns  ok | stale, "", facts
-- Events   media (both)
-- Invariants: 8 no room is forgotten; 5 the media deadline runs from here
-- include: context index view rooms closing video
local match, generation = ARGV[4], ARGV[5]
local e, m = load_room(match), load_match(match)
if not e then
  if not m then begin_closing(new_room(match, 'closing', '', ''), now) end -- guard: late-create-adopted
  commit()
  return { 'stale', '', facts }
end

-- The only create there was has landed: no deletion need wait for it.
if e.create == generation and e.creates == 1 then e.late, e.touched = 0, true end
local opening = e.step == 'wanted' or e.step == 'opening'
if not opening or not m then
  commit()
  return { e.step == 'open' and 'ok' or 'stale', '', facts }
end

local begun = e.begun
e.step, e.generation, e.begun, e.create, e.opened, e.tries = 'open', '', 0, '', now, 0
due_room(e, '+inf')
redis.call('HSET', VIDEO, 'opened', string.format('%.0f', begun))
video_up(begun)
m.ready, m.touched = 1, true
local media_due = now + T.media_ms -- guard: media-from-open -- off: local media_due = m.started + T.media_ms
redis.call('ZADD', S .. 'media', media_due, m.id) -- guard: media-deadline
fact(string.format('room-opened %.0f', now - m.started))
for _, person in ipairs({ m.a, m.b }) do
  local r = load(person)
  if r and r.match == match then show(r, frame('media', match_field(match))) end
end
commit()
return { 'ok', '', facts }
