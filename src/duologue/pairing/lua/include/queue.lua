-- Who may be paired, and with whom (mechanism 3). Only pairable people stand in the index.

-- Two who just met read when they meet again, if no other person comes. Neither does once one of them has left the queue.
local function expect_nobody(r)
  r.again_at, r.again_with, r.again_told = 0, '', true
  touch(r)
end

local function call_off(r)
  if r.again_with == '' then return end
  local other = load(r.again_with)
  if other and other.again_with == r.id then expect_nobody(other) end
  expect_nobody(r)
end

local function dequeue(r)
  if r.pairable == 0 then return end
  call_off(r) -- guard: again-called-off
  unsettle(r)
  r.pairable, r.relaxed, r.looked = 0, 0, ''
  touch(r)
end

-- A person who has become pairable looks through the whole index once; so does one whose wishes or marks have changed.
local function enqueue(r)
  if r.state ~= 'waiting' then return end
  if r.pairable > 0 then
    unsettle_all(r) -- guard: requeued
    return
  end
  if r.connection == '' then return end -- guard: held-row
  if r.probe ~= '' then return end -- guard: held-row
  unsettle(r)
  r.pairable, r.anew = now, true
  touch(r)
end

-- One sign a person owes; a cause may shorten it, never lengthen it (mechanism 5).
-- `by_media`: 1 the partner's media=open meets it too; 2 so it does, and the partner is asked for that (our own doing).
-- True if something changed.
local OURS = 2
local function arm(r, ms, by_media)
  local due = now + ms
  -- A drained person's page may be silent to the partner for a moment, and has the whole time to come back nevertheless.
  local drained = r.probe_media == OURS and r.connection == '' -- guard: drained-keeps -- off: local drained = false
  if r.probe == '' then
    r.probe, r.probe_at, r.probe_again = fresh('b_'), now, 0
  elseif drained or due >= r.probe_until then -- guard: never-lengthen -- off: elseif false then
    redis.call('ZADD', S .. 'owed', 'NX', r.probe_until, r.id) -- guard: owed-again
    return false
  end
  r.probe_until, r.probe_shift, r.probe_media = due, skipped, by_media
  local again = by_media == OURS and due - T.away_bucket_ms or r.probe_at + T.owed_again_ms
  if r.probe_again == 1 then again = due end
  redis.call('ZADD', S .. 'owed', math.min(due, again), r.id)
  dequeue(r) -- guard: detach-unqueues
  touch(r)
  return true
end

local function disarm(r)
  redis.call('ZREM', S .. 'owed', r.id)
  r.probe, r.probe_at, r.probe_until, r.probe_media, r.probe_again = '', 0, 0, 0, 0
  touch(r)
end

-- `recent:<person>`: three values an entry, oldest first: match without its "m_", partner, stamp (the end in
-- seconds since 2025, times 4, plus who ended it). One byte more, an array's header or a field of its own, would
-- take the allocator's next size: 512 bytes a person in place of 448.
local RECENT, RECENT_MAX, EPOCH_S = 3, 8, 1735689600
local NOBODY, ME, PARTNER = 0, 1, 2
local function ended_ms(stamp) return (math.floor(stamp / 4) + EPOCH_S) * 1000 end

local function recent_of(id)
  local raw = redis.call('GET', S .. 'recent:' .. id)
  return raw and { cmsgpack.unpack(raw) } or {}
end

-- Partner and ender of an ended match among the last 8 of 15 min, or nil.
local function recall(id, match)
  local list = recent_of(id)
  for i = 1, #list, RECENT do
    if 'm_' .. list[i] == match and ended_ms(list[i + 2]) > now - T.recent_ttl_ms then
      return list[i + 1], list[i + 2] % 4
    end
  end
end

-- Of a match in which one of the two cannot have a call (their browser has no WebRTC), nobody connects any.
local function kind_of(older, newer)
  if older.text_only == 1 or newer.text_only == 1 then return 'text' end -- guard: text-kind
  local stand_in = MEDIA_KIND == 'livekit' and ROOMS.fallback and is_down()
  return stand_in and 'peer' or MEDIA_KIND
end

local function marry(older, newer)
  local m = {
    -- Side b makes the offers: the one who waited has had the time to prepare one.
    id = fresh('m_'), a = newer.id, b = older.id, started = now, kind = kind_of(older, newer), word = now, met = 0,
    open_a = 0, open_b = 0,
    signed_a = 0, signed_b = 0, -- guard: sign-in-match -- off: signed_a = 1, signed_b = 1,
    silent_since_a = 0, silent_last_a = 0, silent_since_b = 0, silent_last_b = 0,
    alone_since_a = 0, alone_cause_a = '', alone_since_b = 0, alone_cause_b = '',
    message_first = 1, message_last = 0, message_bytes = 0,
    signal_last_a = 0, signal_last_b = 0, signal_bytes_a = 0, signal_bytes_b = 0,
    ready = 0, said_a = 0, said_b = 0, reported = 0, began = wall, pages_a = 0, pages_b = 0, touched = true,
  }
  matches[m.id] = m
  if m.kind == 'livekit' then want_room(m, older.process) end
  redis.call('ZADD', S .. 'media', now + (awaits_room(m) and ROOMS.open_ms or T.media_ms), m.id) -- guard: media-deadline
  redis.call('ZADD', S .. 'quiet', now + T.quiet_check_ms, m.id)
  for _, r in ipairs({ older, newer }) do
    dequeue(r) -- guard: claim
    redis.call('ZREM', S .. 'lease', r.id)
    r.waited = math.max(0, now - math.floor(r.place))
    fact(string.format('matched %.0f %s %s %s', r.waited, m.id, r.id, r.pool))
    r.state, r.since, r.match, r.video_off = 'matched', wall, m.id, 0
    arm(r, T.owed_ms, 0) -- guard: arm-match
    show(r, frame('new-match', match_field(m.id)))
    if T.match_events then emit('match.started', r.id, '{"match":"' .. m.id .. '"}') end
  end
end
