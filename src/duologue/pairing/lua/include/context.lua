-- What every script begins with: the clock, fresh ids, the records read so far, and what is to be told.
-- Writes are deferred: a script reads and decides first, then `commit` writes each touched
-- record once and publishes at most one version a person.
local S = ARGV[1]               -- key prefix: the shard's hash tag, "{0}"
local wall = tonumber(ARGV[2])  -- Redis's clock, ms: what people read, and what ends at an instant that others chose
if not wall then                -- ARGV[2] is empty but in tests
  local time = redis.call('TIME')
  wall = time[1] * 1000 + math.floor(time[2] / 1000)
end

-- `now` is the shard's own time, ms: Redis's clock without its steps, and without the time in which nobody swept because
-- the store or all servers were away. Every instant that a rule reads is of this time, so none of them is ever in the
-- future, and after a step or an outage each deadline has left what it had left before (docs/decisions/0014). Of `wall`
-- are only instants that people read (`since`, `ended_at`, a match's `began`, those of messages and signals; `probe_until`,
-- once `probe_shift` is added) and those that are about days (blocks, reports). What a version said of them stays as it was.
local SWEEP = S .. 'sweep'
local last, skipped, quiet_until = unpack(redis.call('HMGET', SWEEP, 'last', 'skipped', 'quiet_until'))
last, skipped = tonumber(last), tonumber(skipped)
if not skipped then skipped = tonumber(redis.call('GET', S .. 'skipped') or 0) end -- guard: skipped-twice -- off: skipped = skipped or 0
local now = wall - skipped
local gap = last and now - last or 0
if gap > T.outage_ms or gap < 0 then -- guard: own-time -- off: if false then
  -- A step back within the quiet of a step ahead needs no second quiet: nothing has become overdue.
  local quiet = gap > T.outage_ms or gap < -T.outage_ms and (tonumber(quiet_until) or 0) <= last
  skipped, now = skipped + gap, last
  if quiet then quiet_until = string.format('%.0f', now + T.outage_quiet_ms) end -- guard: outage-quiet
  if not READ_ONLY then
    redis.call('HSET', SWEEP, 'skipped', string.format('%.0f', skipped), 'quiet_until', quiet_until or '0')
    redis.call('SET', S .. 'skipped', string.format('%.0f', skipped)) -- once more: the clock outlives the loss of a key
  end
end
quiet_until = tonumber(quiet_until) or 0
local too_long = quiet_until > now + T.outage_quiet_ms -- guard: quiet-bounded -- off: local too_long = false
if too_long then
  quiet_until = now + T.outage_quiet_ms
  if not READ_ONLY then redis.call('HSET', SWEEP, 'quiet_until', string.format('%.0f', quiet_until)) end
end

local ids, id_at = ARGV[3], 1   -- fresh random ids of 16 characters each, made by the caller

local facts = {}                -- for the caller's metrics: each thing that happened, once
local function fact(text) facts[#facts + 1] = text end

local function ids_left() return math.floor((#ids - id_at + 1) / 16) end

local function fresh(prefix)
  local id = string.sub(ids, id_at, id_at + 15)
  id_at = id_at + 16
  return prefix .. id
end

-- Field order is the record's format: append only, and keep duologue/pairing/records.py the same.
local PERSON = {
  'state', 'version', 'since', 'intent', 'wish', 'pool', 'idle_reason',
  'place', 'waited', 'pairable', 'match',
  'probe', 'probe_at', 'probe_until', 'probe_media', 'probe_again',
  'process', 'connection', 'page', 'pages', 'attached_at', 'away', 'bucket', 'bucket_at',
  'ended_match', 'ended_reason', 'ended_at', 'auto_next', 'language', 'tags', 'alias',
  'video_off', 'device', 'network', 'probe_shift', 'text_only', 'relaxed', 'looked',
  'again_at', 'again_with', 'sanction',
}
local MATCH = {
  'a', 'b', 'started', 'kind', 'word', 'met',
  'open_a', 'open_b', 'signed_a', 'signed_b',
  'silent_since_a', 'silent_last_a', 'silent_since_b', 'silent_last_b',
  'alone_since_a', 'alone_cause_a', 'alone_since_b', 'alone_cause_b',
  'message_first', 'message_last', 'message_bytes',
  'signal_last_a', 'signal_last_b', 'signal_bytes_a', 'signal_bytes_b',
  'ready', 'said_a', 'said_b', 'reported', 'began', 'pages_a', 'pages_b',
}
local ROOM = {
  'step', 'a', 'b', 'generation', 'begun', 'create', 'creates', 'late', 'tries', 'opened', 'ended',
  'acked_a', 'acked_b', 'present_a', 'present_b', 'says_a', 'says_b',
}

local function unpacked(raw, names)
  local values, record = cmsgpack.unpack(raw), {}
  for i = 1, #names do record[names[i]] = values[i] end
  return record
end

local function packed(record, names)
  local values = {}
  for i = 1, #names do values[i] = record[names[i]] end
  return cmsgpack.pack(values)
end

local people, touched, matches, rooms = {}, {}, {}, {}

local function load_match(id)
  local m = matches[id]
  if m == nil then
    local raw = redis.call('GET', S .. 'm:' .. id)
    m = raw and unpacked(raw, MATCH) or false
    if m then m.id = id end
    matches[id] = m
  end
  return m
end

local function load_room(id)
  local e = rooms[id]
  if e == nil then
    local raw = redis.call('GET', S .. 'room:' .. id)
    e = raw and unpacked(raw, ROOM) or false
    if e then e.id = id end
    rooms[id] = e
  end
  return e
end

-- A store that lost one record (an eviction, a hand) must not stop everybody's deadlines: a person who is matched
-- with nobody waits, as if the match had ended. So does one whose partner's record was lost and has been made again.
local load
local function orphaned(r)
  if r.match == '' then return false end
  local m = load_match(r.match)
  if not m or (m.a ~= r.id and m.b ~= r.id) then return true end
  local partner = load(m.a == r.id and m.b or m.a)
  return not partner or partner.match ~= m.id -- guard: partner-made-again -- off: return not partner
end

function load(id)
  local r = people[id]
  if r == nil then
    local raw = redis.call('GET', S .. 'p:' .. id)
    r = raw and unpacked(raw, PERSON) or false
    people[id] = r
    if r then
      r.id, r.device, r.network = id, r.device or '', r.network or '' -- a record of an older version has fewer fields
      r.probe_shift, r.text_only, r.relaxed, r.looked = r.probe_shift or 0, r.text_only or 0, r.relaxed or 0, r.looked or ''
      r.again_at, r.again_with, r.sanction = r.again_at or 0, r.again_with or '', r.sanction or ''
      if orphaned(r) then r.orphan, r.state, r.since, r.match, r.place = r.match, 'waiting', wall, '', now end
    end
  end
  return r
end

local function unknown(id)
  return {
    id = id, state = 'idle', version = wall, since = wall, intent = 0, wish = 'rest', pool = FIRST_POOL,
    idle_reason = 'never', place = 0, waited = 0, pairable = 0, match = '',
    probe = '', probe_at = 0, probe_until = 0, probe_media = 0, probe_again = 0,
    process = '', connection = '', page = '', pages = {}, attached_at = 0, away = 0,
    bucket = T.away_bucket_ms, bucket_at = now,
    ended_match = '', ended_reason = '', ended_at = 0, auto_next = 1, language = '', tags = {}, alias = '""',
    video_off = 0, device = '', network = '', probe_shift = 0, text_only = 0, relaxed = 0, looked = '',
    again_at = 0, again_with = '', sanction = '',
  }
end

local function load_or_new(id)
  local r = load(id)
  if not r then
    r = unknown(id)
    people[id] = r
  end
  return r
end

local function touch(r)
  if not r.touched then
    r.touched = true
    touched[#touched + 1] = r
  end
end

-- The person's visible state changes: one new version, and this frame on their stream.
local function show(r, frame)
  touch(r)
  r.frames = r.frames or {}
  r.frames[#r.frames + 1] = frame
end

local function side_of(m, r) return m.a == r.id and 'a' or 'b' end
local function partner_of(m, r) return load(m.a == r.id and m.b or m.a) end
