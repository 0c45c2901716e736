-- The end of a match: the one table that says where people go (mechanism 4).
local function remember(r, partner, match, ender)
  local list = recent_of(r.id)
  local stamp = (math.floor(now / 1000) - EPOCH_S) * 4 + ender
  local entry = { string.sub(match, 3), partner.id, stamp }
  for i = 1, RECENT do list[#list + 1] = entry[i] end
  local kept = {}
  for i = math.max(1, #list - RECENT_MAX * RECENT + 1), #list do kept[#kept + 1] = list[i] end
  redis.call('SET', S .. 'recent:' .. r.id, cmsgpack.pack(unpack(kept)), 'PX', T.recent_ttl_ms)
  r.recent = nil
end

-- Out of the queue and of every deadline. What was waited is kept for whoever comes back soon after being away.
local function to_idle(r, reason)
  if r.state == 'waiting' then r.waited = math.max(0, now - math.floor(r.place)) end
  if reason ~= 'you-were-away' then r.waited = 0 end
  dequeue(r)
  disarm(r)
  redis.call('ZREM', S .. 'lease', r.id)
  drain(r)
  r.away = 0 -- from here on nobody waits for them, and their time away drains nothing
  r.state, r.since, r.match, r.idle_reason = 'idle', wall, '', reason
  r.place = now -- since when they are idle: a join soon after being away keeps what was waited
  show(r, frame('idle', ',"reason":"' .. reason .. '"'))
end

local function to_waiting(r, place)
  r.state, r.since, r.match, r.place, r.video_off = 'waiting', wall, '', place, video_off()
  redis.call('ZADD', S .. 'lease', now + T.lease_ms, r.id)
  touch(r)
end

-- A warning is read, and confirmed, before the next conversation. `end_` says who did what: `skipper`, `leaver`, `lone` (alone brought the end about), `fell` (by id, whose owed sign is due:
-- `own`, which costs the place, or `spared`).
local function destination(r, m, end_)
  if end_.leaver == r.id then return end_.removed or 'left' end
  if end_.fell and end_.fell[r.id] then return 'you-were-away' end
  if r.sanction ~= '' then return 'warned' end -- guard: warned-waits
  if r.auto_next == 0 and end_.skipper ~= r.id and m.met == 1 then return 'one-conversation' end
  return nil
end

-- The skipper is behind whoever has the same place: half a millisecond.
local function place_after(r, m, end_)
  if end_.skipper == r.id then return now + 0.5 end -- guard: skip-bottom
  if end_.lone == r.id then return now + 0.5 end -- guard: lone-end-skips
  if now - m.started >= T.long_match_ms then return now end -- guard: talk-ends-wait -- off: if now - m.started >= T.long_match_ms then return m.started - r.waited end
  return now - r.waited -- guard: place-kept -- off: do return now end
end

local function close_books(m, end_)
  close_room(m, end_.removed)
  for _, set in ipairs({ 'media', 'quiet' }) do redis.call('ZREM', S .. set, m.id) end
  for _, side in ipairs({ 'a', 'b' }) do
    redis.call('ZREM', S .. 'silence', m.id .. ':' .. side)
    redis.call('DEL', S .. 'sig:' .. m.id .. ':' .. side)
    local present = end_.cause and not (end_.fell and end_.fell[m[side]])
    if not alone_end(m, side) and present then
      fact(string.format('alone %s %.0f', end_.cause, now - m.started))
    end
  end
  redis.call('DEL', S .. 'msg:' .. m.id) -- It is only replayed to the two people of a live match.
  if m.reported ~= 1 then -- guard: reported-stays -- off: if true then
    redis.call('PEXPIRE', said_key(m.id), T.recent_ttl_ms)
  end
  redis.call('DEL', S .. 'm:' .. m.id)
  matches[m.id] = false
end

-- `reasons`: what each side reads as `ended.reason`, by person id.
local function finish(m, reasons, end_)
  local a, b = load(m.a), load(m.b)
  close_books(m, end_)
  local moving = {}
  for _, pair_ in ipairs({ { a, b }, { b, a } }) do
    local r, partner = pair_[1], pair_[2]
    if r and r.match == m.id then -- guard: partner-fence -- off: if r then
      remember(r, partner, m.id, end_.skipper == r.id and ME or end_.skipper and PARTNER or NOBODY)
      r.ended_match, r.ended_reason, r.ended_at = m.id, reasons[r.id], wall
      if T.match_events then emit('match.ended', r.id, '{"match":"' .. m.id .. '","reason":"' .. reasons[r.id] .. '"}') end
      if end_.skipper == r.id then
        show(r, frame('skip-confirmed', match_field(m.id)))
      elseif end_.leaver ~= r.id then
        show(r, frame('force-disconnect', match_field(m.id) .. ',"reason":"' .. reasons[r.id] .. '"'))
      end
      if m.closing then
        show(r, frame('room-closing', string.format('%s,"room":"%s_%s","reason":"%s","deadline_ms":%.0f',
          match_field(m.id), ROOMS.namespace, m.id, reasons[r.id], wall + ROOMS.close_ms)))
      end
      moving[#moving + 1] = { r = r, idle = destination(r, m, end_), place = place_after(r, m, end_) }
    end
  end
  table.sort(moving, function(x, y)
    if x.place ~= y.place then return x.place < y.place end
    return x.r.id < y.r.id
  end)
  for _, move in ipairs(moving) do
    if move.idle then
      -- A person who comes back within a minute keeps what they waited, unless a long talk ended that wait or the
      -- lapse was their own: it cost somebody a conversation.
      local own = end_.fell and end_.fell[move.r.id] == 'own' -- guard: lapse-costs -- off: local own = false
      if own or now - m.started >= T.long_match_ms then move.r.waited = 0 end
      to_idle(move.r, move.idle)
      if move.idle ~= 'you-were-away' then move.r.wish = 'rest' end
    else
      to_waiting(move.r, move.place)
      enqueue(move.r)
    end
  end
  for _, move in ipairs(moving) do
    if move.r.state == 'waiting' then pair(move.r) end
  end
  for _, move in ipairs(moving) do
    if move.r.state == 'waiting' then show(move.r, frame('waiting')) end
  end
end

local function both(m, mine, reason, theirs)
  return { [m.a] = m.a == mine and reason or theirs, [m.b] = m.b == mine and reason or theirs }
end

local function count_ending(m, reason)
  fact(string.format('ended %s %.0f %s %s %s', reason, now - m.started, m.id, m.a, m.b))
end

-- Ended by us: `cause` is partner-lost, no-show or media-failed; watched for having been false.
local function watch_ending(m, cause)
  local key = S .. 'back:' .. m.id
  redis.call('HSET', key, 'cause', cause)
  redis.call('PEXPIRE', key, T.false_ending_ms)
end

local function end_by_skip(m, skipper)
  count_ending(m, 'partner-skipped')
  finish(m, both(m, skipper.id, 'skipped', 'partner-skipped'), { skipper = skipper.id })
end

local function end_by_leave(m, leaver)
  count_ending(m, 'partner-left')
  finish(m, both(m, leaver.id, 'left', 'partner-left'), { leaver = leaver.id })
end

-- A moderator takes one of the two out: for the partner it is as if they had left. `reason`: what they read, banned or removed.
local function end_by_moderator(m, r, reason)
  count_ending(m, 'partner-left')
  finish(m, both(m, r.id, 'left', 'partner-left'), { leaver = r.id, removed = reason })
end

-- Whether `side` alone sees trouble: its partner is there, and has said `silent` or `failed` neither now nor just before.
local function alone_in_trouble(m, side)
  local theirs = other(side)
  local partner, last = load(m[theirs]), m['silent_last_' .. theirs]
  local shared = last > 0 and now - last <= T.silence_stale_ms -- guard: trouble-shared -- off: local shared = false
  return not shared and not (partner and partner.connection == '')
end

local function end_by_media(m, lone)
  count_ending(m, 'media-failed')
  if m.met == 1 then watch_ending(m, 'media-failed') end
  finish(m, both(m, nil, nil, 'media-failed'), { lone = lone, cause = 'media-failed' })
end

-- A new page makes the partner's page build its media again. Counts the page changes of this side, this one included.
local function turn_page(m, r)
  local field = 'pages_' .. side_of(m, r)
  m[field], m.touched = (m[field] or 0) + 1, true -- nil: written by an older version
  return m[field]
end

local function end_by_pages(m, r)
  count_ending(m, 'media-failed')
  finish(m, both(m, nil, nil, 'media-failed'), { lone = r.id })
end

-- What `lost` owed in this match is due; so may be what the partner owes. `fell`: `own` or `spared` by the id of each of them.
local function end_by_absence(m, lost, fell)
  local cause = m['signed_' .. side_of(m, lost)] == 1 and 'partner-lost' or 'no-show'
  count_ending(m, cause)
  watch_ending(m, cause)
  local reasons = {}
  for _, id in ipairs({ m.a, m.b }) do reasons[id] = fell[id] and 'you-were-away' or cause end
  finish(m, reasons, { fell = fell, cause = cause == 'no-show' and 'no-show' or 'silent' })
end
