-- The end of a room (mechanism 8).
local function drop_room(e)
  rooms[e.id] = false
  redis.call('ZREM', S .. 'rooms', e.id)
  redis.call('ZREM', S .. 'closing', e.id)
  redis.call('DEL', S .. 'room:' .. e.id)
end

-- From here on the entry is about a room to be deleted, `at` (ms) at the earliest.
local function begin_closing(e, at)
  redis.call('ZREM', S .. 'rooms', e.id)
  e.step, e.generation, e.begun, e.tries, e.ended = 'closing', '', 0, 0, now
  due_room(e, at)
end

-- The match is over. Its room, if its people may be in it, is deleted once both have left, or at the deadline; `at_once`: now.
local function close_room(m, at_once)
  if m.kind ~= 'livekit' then return end
  local e = load_room(m.id) or new_room(m.id, 'open', m.a, m.b) -- one that the store lost is deleted all the same
  if m.ready == 0 and e.creates == 0 then
    drop_room(e) -- guard: unopened-stays-closed
    return
  end
  if ROOMS.auto_create then e.late = now + ROOMS.linger_ms end
  m.closing = m.ready == 1
  begin_closing(e, m.closing and not at_once and now + ROOMS.close_ms or now)
end
