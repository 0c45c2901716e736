-- Rooms (mechanism 8): one outbox entry a LiveKit match, written by the transition that makes or ends the match.
-- wanted → opening → open → closing → gone (no entry). `rooms` scores each by when work on it is due; an open one
-- never is. No entry is locked: a claim has a generation, runs out, and is replaced by the next.
local VIDEO = S .. 'video'

local down_now
local function is_down()
  if down_now == nil then down_now = redis.call('HGET', VIDEO, 'down') == '1' end
  return down_now
end

-- 1 while no room opens, so nobody is paired: what `media_available` says. Peer media may stand in.
local function video_off()
  return MEDIA_KIND == 'livekit' and not ROOMS.fallback and is_down() and 1 or 0
end

local function kind_now()
  return MEDIA_KIND == 'livekit' and ROOMS.fallback and is_down() and 'peer' or MEDIA_KIND
end

local function flip_video(down)
  down_now = down
  redis.call('HSET', VIDEO, 'down', down and '1' or '0', 'at', string.format('%.0f', now))
  fact('video ' .. (down and 'down' or 'up'))
end

-- Rooms that were begun at `since` or later did not open. Not down if one did open since.
local function video_down(since)
  local opened_at = tonumber(redis.call('HGET', VIDEO, 'opened') or 0)
  if opened_at > since then return false end -- guard: video-fence
  if not is_down() then flip_video(true) end
  return true
end

-- A room that was begun at `since` opened. Nothing is up again that was found down later than that.
local function video_up(since)
  if not is_down() then return true end
  local at = tonumber(redis.call('HGET', VIDEO, 'at') or 0)
  if at > since then return false end -- guard: video-fence
  flip_video(false)
  return true
end

-- Who waits reads that video is away, or back.
local function tell_video(r)
  local off = video_off()
  if (r.video_off or 0) == off then return false end
  r.video_off = off
  show(r, frame('waiting'))
  return true
end

local function awaits_room(m) return m.kind == 'livekit' and m.ready == 0 end

local function due_room(e, at)
  e.touched = true
  redis.call('ZADD', S .. 'rooms', at, e.id)
end

local function drop_room(e)
  rooms[e.id] = false
  redis.call('ZREM', S .. 'rooms', e.id)
  redis.call('DEL', S .. 'room:' .. e.id)
end

local function new_room(id, step, a, b)
  local e = {
    id = id, step = step, a = a, b = b, generation = '', begun = 0, create = '', creates = 0, late = 0, tries = 0,
    opened = 0, ended = 0, acked_a = 0, acked_b = 0, present_a = 0, present_b = 0, says_a = 0, says_b = 0,
  }
  rooms[id] = e
  return e
end

-- Whoever works on rooms in this process is woken.
local function wake(process)
  if process ~= '' then publish(process, { 'R' }) end
end

local function want_room(m, process)
  local e = new_room(m.id, 'wanted', m.a, m.b)
  if ROOMS.auto_create then
    m.ready, e.step, e.opened = 1, 'open', now
    due_room(e, '+inf')
  else
    due_room(e, now) -- guard: outbox
    wake(process)
  end
end

-- The match is over. Its room, if its people may be in it, is deleted once both have left, or at the deadline.
local function close_room(m)
  if m.kind ~= 'livekit' then return end
  local e = load_room(m.id) or new_room(m.id, 'open', m.a, m.b) -- one that the store lost is deleted all the same
  if m.ready == 0 and e.creates == 0 then
    drop_room(e) -- guard: unopened-stays-closed
    return
  end
  e.step, e.generation, e.begun, e.tries, e.ended = 'closing', '', 0, 0, now
  if ROOMS.auto_create then e.late = now + ROOMS.linger_ms end
  m.closing = m.ready == 1
  due_room(e, m.closing and now + ROOMS.close_ms or now)
end

-- A room of ours that nobody owns.
local function adopt_room(id)
  local e = new_room(id, 'closing', '', '')
  e.ended = now
  due_room(e, now)
end

local function closing_frame(m, reason)
  return frame('room-closing', match_field(m.id)
    .. string.format(',"room":"%s_%s","reason":"%s","deadline_ms":%.0f', ROOMS.namespace, m.id, reason, now + ROOMS.close_ms))
end

-- From here on the page's word counts for its media, not what LiveKit says of its participant.
local function page_says(m, side)
  if m.kind ~= 'livekit' then return end
  local e = load_room(m.id)
  if e and e['says_' .. side] == 0 then e['says_' .. side], e.touched = 1, true end
end

-- A page that says nothing of its media and was not reloaded is still in the room, as LiveKit said.
local function stands_open(m, side, new_page)
  if m.kind ~= 'livekit' then return false end
  local e = load_room(m.id)
  if not e then return false end
  if new_page then
    e['present_' .. side], e['says_' .. side], e.touched = 0, 0, true
    return false
  end
  return e['says_' .. side] == 0 and e['present_' .. side] == 1
end
