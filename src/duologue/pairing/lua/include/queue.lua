-- Who may be dealt out, and to whom (mechanism 3). Only pairable people are in a pool's sorted set.
local function pool_key(pool) return S .. 'q:' .. pool end

local function dequeue(r)
  if r.pairable == 0 then return end
  redis.call('ZREM', pool_key(r.pool), r.id)
  r.pairable = 0
  touch(r)
end

local function enqueue(r)
  if r.state ~= 'waiting' then return end
  if r.pairable > 0 then
    -- If the store lost the set, or this entry, it is made again.
    redis.call('ZADD', pool_key(r.pool), r.place, r.id) -- guard: requeued
    return
  end
  if r.connection == '' then return end -- guard: held-row
  if r.probe ~= '' then return end -- guard: held-row
  redis.call('ZADD', pool_key(r.pool), r.place, r.id)
  r.pairable = now
  touch(r)
end

-- One sign a person owes; a cause may shorten it, never lengthen it (mechanism 5).
-- `by_media`: 1 the partner's media=open meets it too; 2 so it does, and the partner is asked for that (our own doing).
-- True if something changed.
local OURS = 2
local function arm(r, ms, by_media)
  local due = now + ms
  if r.probe == '' then
    r.probe, r.probe_at, r.probe_again = fresh('b_'), now, 0
  elseif due >= r.probe_until then -- guard: never-lengthen -- off: elseif false then
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

local function suits(s, c)
  if s.language ~= '' and c.language ~= '' and s.language ~= c.language then return false end
  if #s.tags == 0 or #c.tags == 0 then return true end
  for _, tag in ipairs(s.tags) do
    for _, other in ipairs(c.tags) do
      if tag == other then return true end
    end
  end
  return false
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

-- The match (without its "m_") that the two had last within `rematch_ms`, or nil.
local function met_lately(s, c)
  if not s.recent then s.recent = recent_of(s.id) end
  for i = #s.recent - RECENT + 1, 1, -RECENT do
    if s.recent[i + 1] == c.id and ended_ms(s.recent[i + 2]) > now - T.rematch_ms then return s.recent[i] end
  end
end

-- How long two must have been pairable to meet once more, by the id of their last match: `relax_after_ms` in three cases of
-- four, more than x times that in one of 4 x. So a wait of any length may follow a skip, and proves no block. The draw is the
-- first 12 bits of the id, which are random.
local DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
local function digit(id, at) return (string.find(DIGITS, string.sub(id, at, at), 1, true) or 64) - 1 end
local function relax_ms(match)
  if not match or not T.relax_drawn then return T.relax_after_ms end -- guard: relax-drawn -- off: if true then return T.relax_after_ms end
  return T.relax_after_ms * math.max(1, 1024 / (digit(match, 1) * 64 + digit(match, 2) + 1))
end

-- `blocked:<person>`: the marks of the people that the person blocked (`block.lua`), scored by when the block was
-- made (ms). A person and a device count as long as the set lives, a network for `block_network_ms`.
local function blocks(s, c)
  local person, device, network = unpack(
    redis.call('ZMSCORE', S .. 'blocked:' .. s.id, c.id, 'd:' .. c.device, 'n:' .. c.network))
  if person then return true end -- guard: block-person
  if device then return true end -- guard: block-device
  local recent = network and tonumber(network) > wall - T.block_network_ms -- guard: block-network-ends -- off: local recent = network
  if recent then return true end -- guard: block-network
  return false
end

local function blocked(s, c) return blocks(s, c) or blocks(c, s) end

-- 'strict', 'relaxed' (both pairable for `relax_after_ms` without a break), or nil.
local function fit(s, c)
  if blocked(s, c) then return nil end -- guard: blocks
  local suited = suits(s, c)
  local lately = met_lately(s, c) -- guard: rematch -- off: local lately = nil
  if suited and not lately then return 'strict' end
  local since = math.max(s.pairable, c.pairable) -- guard: relax-unbroken -- off: local since = math.max(s.place, c.place)
  if since > now - relax_ms(lately) then return nil end
  if STRICT_TAGS and not suited then return nil end
  return 'relaxed'
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
    fact(string.format('matched %.0f', r.waited))
    r.state, r.since, r.match, r.video_off = 'matched', wall, m.id, 0
    arm(r, T.owed_ms, 0) -- guard: arm-match
    show(r, frame('new-match', match_field(m.id)))
  end
end

-- The first of `ids` (longest wait first) that fits; one that needs no relaxing goes first.
local function pair_among(s, near)
  if ids_left() < 3 then return false end
  if video_off() == 1 then return false end -- guard: video-off
  local spare
  for _, id in ipairs(near) do
    local c = load(id)
    if not c or c.pairable == 0 then
      redis.call('ZREM', pool_key(s.pool), id) -- of a record that was lost
    elseif id ~= s.id then -- guard: not-self -- off: else
      local how = fit(s, c)
      if how == 'strict' then
        spare = c
        break
      end
      spare = spare or (how and c)
    end
  end
  if not spare then return false end
  if spare.place <= s.place then marry(spare, s) else marry(s, spare) end
  return true
end

-- Into the queue, if pairable, and to the first who fits. The last step of a transition.
local function pair(s)
  enqueue(s)
  if s.pairable == 0 then return false end
  return pair_among(s, redis.call('ZRANGE', pool_key(s.pool), 0, T.looks))
end
