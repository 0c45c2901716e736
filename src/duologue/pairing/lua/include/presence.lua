-- Signs of life, and what a person owes whose line is down (mechanisms 2, 5 and 6).
-- An incident: the person on `side` has a partner who is away or silent.
local function alone_begin(m, side, cause, since)
  if m['alone_since_' .. side] > 0 then return end
  m['alone_since_' .. side], m['alone_cause_' .. side] = since, cause
  m.touched = true
  redis.call('ZADD', S .. 'alone', since, m[side])
end

local function alone_end(m, side)
  local since = m['alone_since_' .. side]
  if since == 0 then return false end
  fact(string.format('alone %s %.0f', m['alone_cause_' .. side], math.max(0, now - since)))
  m['alone_since_' .. side], m['alone_cause_' .. side] = 0, ''
  m.touched = true
  redis.call('ZREM', S .. 'alone', m[side])
  return true
end

local function other(side) return side == 'a' and 'b' or 'a' end

-- What is owed is met. The partner of somebody who was away reads that they are back, unless the match is `ending`.
local function meet(r, ending)
  if r.probe == '' then return end
  disarm(r)
  if r.away == 1 and r.match ~= '' and not ending then
    fact(string.format('back %s %s', r.match, r.id))
    show(partner_of(load_match(r.match), r), frame('partner-back', match_field(r.match) .. ',"until_ms":null'))
  end
end

-- Both people of a match that we ended as lost or failed were back within `false_ending_ms`.
local FALSE_ENDINGS = { ['you-were-away'] = true, ['partner-lost'] = true, ['no-show'] = true, ['media-failed'] = true }
local function watch_return(r)
  if not FALSE_ENDINGS[r.ended_reason] or wall - r.ended_at > T.false_ending_ms then return end
  local key = S .. 'back:' .. r.ended_match
  local cause = redis.call('HGET', key, 'cause')
  if not cause then return end
  redis.call('HSET', key, r.id, 1)
  if redis.call('HLEN', key) == 3 then
    redis.call('DEL', key)
    fact('false-ending ' .. cause)
  end
end

-- Who waits reads that video is away, or back.
local function tell_video(r)
  local off = video_off()
  if (r.video_off or 0) == off then return end
  r.video_off = off
  show(r, frame('waiting'))
end

-- A sign of life: an accepted command that is not stale for its match, an attach, a poll. A command that was under way when
-- its connection closed does not say that the person comes back, so only an attached person has met what they owe.
local function sign(r, ending)
  watch_return(r)
  local attached = r.connection ~= '' -- guard: owed-until-attached -- off: local attached = true
  if attached then meet(r, ending) end
  if r.state == 'waiting' then
    redis.call('ZADD', S .. 'lease', now + T.lease_ms, r.id)
    tell_video(r)
  end
  if r.match ~= '' then
    local m = load_match(r.match)
    redis.call('ZADD', S .. 'quiet', 'NX', now + T.quiet_check_ms, m.id) -- if the store lost it
    m.word, m['signed_' .. side_of(m, r)] = now, 1
    m.touched = true
  end
end

-- What an away person's time costs them: their bucket, refilled while attached, drained while away.
local function refill(r)
  r.bucket = math.min(T.away_bucket_ms, r.bucket + math.floor(math.max(0, now - r.bucket_at) / T.away_refill_ratio))
  r.bucket_at = now
end

local function drain(r)
  if r.away == 1 then r.bucket = math.max(0, r.bucket - math.max(0, now - r.bucket_at)) end
  r.bucket_at = now
end

local function probe_frame(r)
  return frame('probe', (r.match ~= '' and match_field(r.match) or '') .. ',"probe":"' .. r.probe .. '"')
end

-- What a partner reads of somebody.
local function rename(r, alias)
  if r.alias == alias then return end
  r.alias = alias
  touch(r)
  if r.match ~= '' then show(partner_of(load_match(r.match), r), frame('state')) end
end

-- Armed, and said at once.
local function demand(r, ms, by_media)
  local armed = arm(r, ms, by_media)
  if armed then show(r, probe_frame(r)) end
  return armed
end

-- Who waits for somebody who is away reads until when, also when that got shorter.
local function tell_away(m, r)
  if r.away ~= 1 then return end
  show(partner_of(m, r), frame('partner-away', match_field(m.id) .. string.format(',"until_ms":%.0f', probe_until_read(r))))
end

-- `near:<network>`: the people who are attached from a network, scored +inf, and those who were a moment ago, scored by until
-- when their place is kept (ms). It is what the cap on people of one network counts.
local function near(network) return S .. 'near:' .. network end

local function arrive(r)
  if T.network_people == 0 or r.network == '' then return end
  redis.call('ZADD', near(r.network), '+inf', r.id) -- guard: near-arrives
  redis.call('PERSIST', near(r.network))
end

-- Nobody of the network is attached any more: places are kept for as long as that, and the list with them.
local function let_go(key)
  if redis.call('ZCOUNT', key, '+inf', '+inf') == 0 then redis.call('PEXPIRE', key, T.away_keep_ms) end
end

local function depart(r)
  if T.network_people == 0 or r.network == '' then return end
  local key = near(r.network)
  redis.call('ZADD', key, now + T.away_keep_ms, r.id) -- guard: near-keeps -- off: redis.call('ZREM', key, r.id)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  let_go(key)
end

-- The marks of the person who attaches (``identity.devices``, ``identity.networks``), before `connect`.
local function come_from(r, device, network)
  if r.device == device and r.network == network then return end
  local moved = r.network ~= network
  if moved and T.network_people > 0 and r.network ~= '' then
    redis.call('ZREM', near(r.network), r.id) -- guard: near-moves
    let_go(near(r.network)) -- guard: near-emptied
  end
  r.device, r.network, r.anew = device, network, true -- blocks may hold no longer, or from now on
  if moved and r.connection ~= '' then arrive(r) end
  touch(r)
end

-- A person who is attached, in a conversation, or gone for less than a minute has a place and is not refused.
local function has_place(r)
  if r.connection ~= '' or r.match ~= '' then return true end -- guard: attached-has-place
  local kept = r.network ~= '' and redis.call('ZSCORE', near(r.network), r.id)
  return kept and tonumber(kept) > now
end

-- Whether the person comes from a network from which `network_people` others are here. Places of people whose record says
-- otherwise (it was lost) are given up, 16 at random a call.
local function crowded(r, network)
  if T.network_people == 0 or network == '' or has_place(r) then return false end
  local key = near(network)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  if redis.call('ZCARD', key) < T.network_people then return false end
  local some = redis.call('ZRANDMEMBER', key, 16, 'WITHSCORES')
  for i = 1, #some, 2 do
    local other = load(some[i])
    local there = other and other.connection ~= '' and other.network == network
    if some[i + 1] == 'inf' and not there then redis.call('ZREM', key, some[i]) end -- guard: near-ghosts
  end
  return redis.call('ZCARD', key) >= T.network_people
end

-- The partner reads that this person is away, until what they owe is due, and says whether their media is there.
local function begin_away(m, r)
  r.away = 1
  fact(string.format('away %s %s', m.id, r.id))
  touch(r)
  alone_begin(m, other(side_of(m, r)), 'away', now)
  tell_away(m, r)
end

-- Two ways to lose a connection: 'closed' (their socket; a partner is told) and 'ours' (drain, dead process; a partner
-- is told when most of the time to come back is over, so as to vouch for them).
local function disconnect(r, cause)
  local closed = cause == 'closed'
  redis.call('SREM', S .. 'at:' .. r.process, r.id)
  redis.call('DEL', S .. 'until:' .. r.id) -- whoever comes back has the newer token
  refill(r)
  depart(r)
  -- Time away while idle costs nobody anything: it drains no bucket.
  if T.presence_events then emit('person.offline', r.id, '{}') end
  r.process, r.connection, r.away = '', '', closed and r.state ~= 'idle' and 1 or 0
  touch(r)
  if r.state == 'idle' then return end
  local ms = closed and math.max(r.bucket, T.away_floor_ms) or T.drain_ms -- guard: bucket -- off: local ms = closed and T.away_bucket_ms or T.drain_ms
  arm(r, ms, closed and 1 or OURS) -- guard: ours-vouched -- off: arm(r, ms, closed and 1 or 0)
  if closed and r.match ~= '' then begin_away(load_match(r.match), r) end
end

-- A page that says nothing of its media and was not reloaded is still in the room, as LiveKit said.
local function stands_open(m, side, new_page)
  local e = m.kind == 'livekit' and load_room(m.id)
  if not e then return false end
  if new_page then
    e['present_' .. side], e['says_' .. side], e.touched = 0, 0, true
    return false
  end
  return e['says_' .. side] == 0 and e['present_' .. side] == 1
end

-- The media deadline, whole, from now: a page that is new has a media connection to build. Until both were open
-- once it can be put off only so far, or somebody who comes and goes would keep a stranger before a black picture.
local function restart_media(m, r, new_page)
  local side, due = side_of(m, r), now + T.media_ms
  if stands_open(m, side, new_page) then return end -- guard: fact-outlives-blip
  m['open_' .. side] = 0
  if new_page then
    m.open_a, m.open_b, m['silent_since_' .. side], m['silent_last_' .. side] = 0, 0, 0, 0
    redis.call('ZREM', S .. 'silence', m.id .. ':' .. side)
  end
  if m.met == 0 then due = math.min(due, m.started + T.media_most_ms) end -- guard: media-most
  m.touched = true
  if awaits_room(m) then return end -- guard: room-before-media
  redis.call('ZADD', S .. 'media', due, m.id)
end

-- This side's media is up; with both, the media deadline is met.
local function opened(m, me)
  m['open_' .. me], m['silent_since_' .. me], m['silent_last_' .. me], m.touched = 1, 0, 0, true
  redis.call('ZREM', S .. 'silence', m.id .. ':' .. me)
  local all = m.open_a == 1 and m.open_b == 1 -- guard: media-both -- off: local all = true
  if all then
    m.met = 1
    redis.call('ZREM', S .. 'media', m.id)
  end
end

-- The record's address becomes this connection; whoever it replaces is told so.
local function connect(r, process, connection, page, attached_at)
  local detached, new_page = r.connection == '', r.page ~= page
  if not detached and r.connection ~= connection then
    publish(r.process, { address(new_page and 'T' or 'E', r) }) -- guard: own-page-ends -- off: publish(r.process, { address('T', r) })
    if r.process ~= process then redis.call('SREM', S .. 'at:' .. r.process, r.id) end
  end
  if new_page and r.page ~= '' then
    table.insert(r.pages, 1, r.page)
    r.pages[5] = nil
  end
  if detached then drain(r) end
  if T.presence_events and detached then emit('person.online', r.id, '{}') end
  redis.call('SADD', S .. 'at:' .. process, r.id)
  arrive(r)
  -- Who holds people must be among those that can be buried, whether it beats (yet, or any more) or not.
  redis.call('ZADD', S .. 'beats', 'NX', now, process)
  if r.match ~= '' then
    local m = load_match(r.match)
    if detached or new_page then restart_media(m, r, new_page) end -- guard: media-attach-anew
    local side = other(side_of(m, r))
    if m['alone_cause_' .. side] == 'away' then alone_end(m, side) end
  end
  r.process, r.connection, r.page, r.attached_at = process, connection, page, attached_at
  touch(r)
end

local function superseded(r, page)
  for _, old in ipairs(r.pages) do
    if old == page then return true end
  end
  return false
end
