#!lua flags=allow-oom
-- Pulse: a sign of life, and what the page says of its media connection.
-- KEYS[1]  {shard}p:<person>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids, 4 person, 5 match or "", 6 media: open | silent | failed | ""
-- Returns  ok | stale, state, facts
-- Events   probe and partner-back (the partner's), and those of an ending
-- Invariants: 3 fenced by the match, 7 bounded aloneness
-- include: context events index view rooms queue fitting seeking presence closing reported ending
local person, match, media = ARGV[4], ARGV[5], ARGV[6]
local r = load(person)
if not r then
  if match ~= '' then return stale(person) end
  return { 'ok', state_json(unknown(person)), facts }
end
local late = match ~= '' and r.match ~= match -- guard: match-fence -- off: local late = match ~= '' and r.match == ''
if late then
  -- guard: stale-no-sign -- off: sign(r)
  return stale(person)
end

-- One sent while waiting is no sign in the match that began since.
if match ~= '' or r.match == '' then sign(r) end -- guard: sign-names-match -- off: sign(r)

-- The partner answers this very page's pings: neither their socket nor their silence is the person.
local function answered(m, me, partner)
  opened(m, me)
  alone_end(m, me)
  if partner.probe_media > 0 then meet(partner) end -- guard: open-vouches
  -- guard: silence-by-reporter -- off: m['silent_since_' .. other(me)] = 0
  if partner.connection == '' and partner.away == 1 then
    partner.bucket_at = now
    if partner.probe == '' then partner.away = 0 end
    touch(partner)
  end
end

local function silent(m, me, partner)
  local since, last = 'silent_since_' .. me, 'silent_last_' .. me
  if m.met == 1 then
    if m[since] == 0 or now - m[last] > T.silence_stale_ms then
      m[since] = now
    end
    redis.call('ZADD', S .. 'silence', m[since] + T.silence_ms, m.id .. ':' .. me) -- guard: silence
    alone_begin(m, me, 'silent', now - T.silent_after_ms)
  end
  m[last] = now
  local armed = demand(partner, T.owed_ms, 1) -- guard: silent-arms -- off: local armed = false
  if armed then tell_away(m, partner) end
end

-- This side's media will not come. If the other side sees trouble too, the match is over; if not, that side has a moment
-- to say so: it is a silence of one side, with a short deadline.
local function failed(m, me)
  local since = 'silent_since_' .. me
  m['silent_last_' .. me] = now
  local lone = alone_in_trouble(m, me) -- guard: failed-waits -- off: local lone = false
  if not lone then return end_by_media(m) end
  if m[since] == 0 then m[since] = now end
  redis.call('ZADD', S .. 'silence', m[since] + T.failed_ms, m.id .. ':' .. me)
end

-- What a page says of its media is about a conversation, so it counts only for the one that it names.
if match ~= '' and r.match ~= '' and media ~= '' then
  local m = load_match(r.match)
  local me, partner = side_of(m, r), partner_of(m, r)
  m.touched = true
  local e = m.kind == 'livekit' and load_room(m.id)
  -- From here on the page's word counts for its media, not what LiveKit says of its participant.
  if e and e['says_' .. me] == 0 then e['says_' .. me], e.touched = 1, true end
  local early = awaits_room(m) and media ~= 'silent' -- guard: room-before-open -- off: local early = false
  if early then
    fact('room early') -- nobody can be in a room that is not open yet
  elseif media == 'open' then
    answered(m, me, partner)
  elseif media == 'silent' or m.met == 1 then -- guard: failed-after-open -- off: elseif media == 'silent' then
    silent(m, me, partner)
  else
    failed(m, me)
  end
end

pair(r) -- guard: sign-pairs -- off: enqueue(r)
return answer('ok', r)
