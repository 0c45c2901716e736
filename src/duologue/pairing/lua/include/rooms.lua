-- Rooms (mechanism 8): one outbox entry a LiveKit match, written by the transition that makes or ends the match.
-- wanted → opening → open → closing → gone (no entry). `rooms` scores those of live matches by when work on them is
-- due (an open one never is), `closing` those to be deleted: however many these are, none of those waits behind them.
-- No entry is locked: a claim has a generation, runs out, and is replaced by the next.
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

local function awaits_room(m) return m.kind == 'livekit' and m.ready == 0 end

local function due_room(e, at)
  e.touched = true
  redis.call('ZADD', S .. (e.step == 'closing' and 'closing' or 'rooms'), at, e.id)
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
