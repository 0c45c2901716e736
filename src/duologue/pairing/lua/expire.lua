#!lua flags=allow-oom
-- Expire: whatever is due, at most 5 of each deadline a call. Every process calls it; what is due is decided here.
-- KEYS[1]  {shard}sweep
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids
-- Returns  more | done, "", facts
-- Events   probe (once more), idle, and those of an ending
-- Invariants: 3 a deadline names what it is about and does nothing if the record no longer does, 7
-- include: context events index view rooms video queue fitting seeking presence closing reported ending sweeping
-- A call takes less than 5 ms of the store (docs/performance.md), also if a backlog of every kind ends in new matches.
local BATCH = 5 -- guard: sweep-bounded -- off: local BATCH = 32
local MOST = 120 -- of each deadline, by `cost`; the first of it is done in any case, so that none waits for another
record_sweep()
if in_outage() then return { 'done', '', facts } end
local more, began = false, 0

local function due(set, at)
  began = cost()
  local members = redis.call('ZRANGEBYSCORE', S .. set, '-inf', at or now, 'LIMIT', 0, BATCH)
  if #members == BATCH then more = true end
  return members
end

-- A script that ran out of ids would do half a step: the rest is for the next call.
local function may_go_on()
  if ids_left() >= 8 and cost() - began < MOST then return true end
  more = true
  return false
end

local function owes_now(r) return r.probe ~= '' and r.probe_until <= now end

-- Whether our own doing explains that nothing came of somebody since `since`: a drain, a dead or a mute process, an outage.
local function was_ours(r, since)
  -- guard: ours-spared -- off: if true then return false end
  if quiet_until > since then return true end
  if r.connection == '' then return r.away == 0 or r.probe_media == OURS end
  local beat = redis.call('ZSCORE', S .. 'beats', r.process)
  return not beat or now - beat > T.outage_ms
end

local function owed_due(r)
  if r.match ~= '' then
    local m = load_match(r.match)
    local partner = partner_of(m, r)
    local fell = { [r.id] = was_ours(r, r.probe_at) and 'spared' or 'own' }
    -- Of two who fall at once neither has cost the other anything.
    if owes_now(partner) then fell[r.id], fell[partner.id] = 'spared', 'spared' end
    end_by_absence(m, r, fell)
  elseif r.state == 'waiting' then
    fact('expired owed')
    to_idle(r, 'you-were-away')
  else
    disarm(r)
  end
end

local function once_more(r)
  r.probe_again = 1
  redis.call('ZADD', S .. 'owed', r.probe_until, r.id)
  if r.connection ~= '' then show(r, probe_frame(r)) else touch(r) end
  local asks = r.probe_media == OURS and r.connection == '' and r.match ~= '' -- guard: ours-asked -- off: local asks = false
  if asks then
    r.bucket_at = now -- only from here on is it time that they are away
    begin_away(load_match(r.match), r)
  end
end

for _, person in ipairs(due('owed')) do
  if not may_go_on() then break end
  local r = load(person)
  local owing = r and r.probe ~= '' -- guard: owed-in-record -- off: local owing = true
  if not owing then
    redis.call('ZREM', S .. 'owed', person)
  elseif owes_now(r) then -- guard: owed-in-record -- off: elseif true then
    owed_due(r)
  elseif r.probe_again == 0 then
    once_more(r)
  else
    redis.call('ZADD', S .. 'owed', r.probe_until, person)
  end
end

-- No room opened for it. Nor will one for whoever is next: nobody is paired until video is back.
local function end_by_unavailable(m)
  count_ending(m, 'media-unavailable')
  video_down(m.started)
  finish(m, both(m, nil, nil, 'media-unavailable'), {})
end

-- Who alone kept the media from being up: their partner said `open`, sees no trouble since, and is there.
local function never_opened(m)
  if m.open_a == m.open_b then return nil end
  local side = m.open_a == 0 and 'a' or 'b'
  local r = load(m[side])
  local lone = alone_in_trouble(m, side) and not (r and was_ours(r, now - T.media_ms)) -- guard: never-opened-pays -- off: local lone = false
  return lone and m[side] or nil
end

for _, id in ipairs(due('media')) do
  if not may_go_on() then break end
  redis.call('ZREM', S .. 'media', id)
  local m = load_match(id)
  if m and awaits_room(m) then
    end_by_unavailable(m)
  elseif m then
    end_by_media(m, never_opened(m))
  end
end

for _, member in ipairs(due('silence')) do
  if not may_go_on() then break end
  redis.call('ZREM', S .. 'silence', member)
  local id, side = string.match(member, '^(.*):([ab])$')
  local m = load_match(id)
  if m and m['silent_since_' .. side] > 0 then
    local stale_report = now - m['silent_last_' .. side] > T.silence_stale_ms -- guard: silence-stale -- off: local stale_report = false
    if stale_report then
      m['silent_since_' .. side], m.touched = 0, true
    else
      end_by_media(m, alone_in_trouble(m, side) and m[side] or nil)
    end
  end
end

for _, id in ipairs(due('quiet')) do
  if not may_go_on() then break end
  local m, there = load_match(id), {}
  for _, person in ipairs(m and { m.a, m.b } or {}) do
    local r = load(person)
    if r and r.match == id then there[#there + 1] = r end
  end
  if not m then
    redis.call('ZREM', S .. 'quiet', id)
    redis.call('DEL', S .. 'msg:' .. id, S .. 'sig:' .. id .. ':a', S .. 'sig:' .. id .. ':b') -- guard: lost-match-forgotten
  elseif #there == 0 then
    close_books(m, {}) -- of two whose records were lost
  else
    redis.call('ZADD', S .. 'quiet', now + T.quiet_check_ms, id)
    if m.reported ~= 1 then redis.call('PEXPIRE', said_key(id), T.record_ttl_ms + T.quiet_check_ms) end -- guard: said-lives-on
    if m.open_a + m.open_b < 2 then redis.call('ZADD', S .. 'media', 'NX', now + T.media_ms, id) end -- if the store lost it
    if now - m.word >= T.quiet_check_ms then -- guard: quiet-check -- off: if false then
      -- Who has no connection cannot read the probe: their partner, asked too, may vouch for them.
      for _, r in ipairs(there) do demand(r, T.owed_ms, r.connection == '' and 1 or 0) end
    end
  end
end

for _, person in ipairs(in_lease_outage() and {} or due('lease')) do
  if not may_go_on() then break end
  redis.call('ZREM', S .. 'lease', person)
  local r = load(person)
  if r and r.state == 'waiting' then
    fact('expired lease')
    to_idle(r, 'you-were-away')
  end
end

for _, id in ipairs(due('reports', wall)) do -- guard: reports-expire -- off: for _, id in ipairs({}) do
  fact(redis.call('HEXISTS', report_key(id), 'decided_at_ms') == 1 and 'report expired' or 'report unseen')
  drop_reports(id, 0)
end
fact('report-bytes ' .. (redis.call('GET', S .. 'report_bytes') or '0'))

commit()
return { more and 'more' or 'done', '', facts }
