-- What every script begins with: the clock, fresh ids, the records read so far, and what is to be told.
-- Writes are deferred: a script reads and decides first, then `commit` writes each touched
-- record once and publishes at most one version a person.
local S = ARGV[1]               -- key prefix: the shard's hash tag, "{0}"
local now = tonumber(ARGV[2])   -- ms; empty but in tests: then the store's own clock
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
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
  'video_off', 'device', 'network',
}
local MATCH = {
  'a', 'b', 'started', 'kind', 'word', 'met',
  'open_a', 'open_b', 'signed_a', 'signed_b',
  'silent_since_a', 'silent_last_a', 'silent_since_b', 'silent_last_b',
  'alone_since_a', 'alone_cause_a', 'alone_since_b', 'alone_cause_b',
  'message_first', 'message_last', 'message_bytes',
  'signal_last_a', 'signal_last_b', 'signal_bytes_a', 'signal_bytes_b',
  'ready', 'said_a', 'said_b', 'reported',
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

-- A store that lost one record (an eviction, a hand) must not stop everybody's deadlines: whoever is matched
-- with nobody waits, as if the match had ended.
local function orphaned(r)
  if r.match == '' then return false end
  local m = load_match(r.match)
  return not m or redis.call('EXISTS', S .. 'p:' .. m.a, S .. 'p:' .. m.b) < 2
end

local function load(id)
  local r = people[id]
  if r == nil then
    local raw = redis.call('GET', S .. 'p:' .. id)
    r = raw and unpacked(raw, PERSON) or false
    people[id] = r
    if r then
      r.id, r.device, r.network = id, r.device or '', r.network or '' -- of a record that an older version wrote
      if orphaned(r) then r.state, r.since, r.match, r.place, r.orphan = 'waiting', now, '', now, true end
    end
  end
  return r
end

local function unknown(id)
  return {
    id = id, state = 'idle', version = now, since = now, intent = 0, wish = 'rest', pool = FIRST_POOL,
    idle_reason = 'never', place = 0, waited = 0, pairable = 0, match = '',
    probe = '', probe_at = 0, probe_until = 0, probe_media = 0, probe_again = 0,
    process = '', connection = '', page = '', pages = {}, attached_at = 0, away = 0,
    bucket = T.away_bucket_ms, bucket_at = now,
    ended_match = '', ended_reason = '', ended_at = 0, auto_next = 1, language = '', tags = {}, alias = '""',
    video_off = 0, device = '', network = '',
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
