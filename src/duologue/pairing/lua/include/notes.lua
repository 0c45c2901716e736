-- What is kept of a match for replay: messages (both directions) and signals (one list a recipient).
local KEPT, KEPT_BYTES = 64, 65536

-- Appends an entry and drops the oldest beyond 64 or 64 KiB. Returns bytes held now and how many were dropped.
local function keep(key, bytes, entry)
  local raw = cmsgpack.pack(entry)
  local length, dropped = redis.call('RPUSH', key, raw), 0
  bytes = bytes + #raw
  while length > KEPT or (bytes > KEPT_BYTES and length > 1) do
    bytes = bytes - #redis.call('LPOP', key)
    length, dropped = length - 1, dropped + 1
  end
  return bytes, dropped
end

local function kept(key)
  local list = redis.call('LRANGE', key, 0, -1)
  for i = 1, #list do list[i] = cmsgpack.unpack(list[i]) end
  return list
end

-- The number that this key was given before, or nil: a repeat has no second effect.
local function repeated(key, sender, client_key)
  for _, entry in ipairs(kept(key)) do
    if entry[2] == sender and entry[3] == client_key then return entry[1] end
  end
end

-- The instant of the next entry, by Redis's clock: like the numbers, instants never fall, also when that clock does.
local function after_last(key)
  local last_entry = redis.call('LINDEX', key, -1)
  return math.max(wall, last_entry and cmsgpack.unpack(last_entry)[4] or 0) -- guard: instants-rise -- off: return wall
end

-- Messages: n, sender, key, at (ms), text (JSON). Signals: n, sender, key, at (ms), data (JSON), to (page or "").
local function message_frame(match, entry, reader)
  return string.format('{"type":"message","at_ms":%.0f,"match":"%s","n":%d,"from":"%s","text":%s}',
    entry[4], match, entry[1], entry[2] == reader and 'me' or 'partner', entry[5])
end

local function signal_frame(match, entry)
  return string.format('{"type":"peer-signal","at_ms":%.0f,"match":"%s","n":%d,"data":%s}', entry[4], match, entry[1], entry[5])
end

-- The numbers given out last in the person's match: of messages, and of signals to them.
local function last_numbers(r)
  if r.match == '' then return 0, 0 end
  local m = load_match(r.match)
  return m.message_last, m['signal_last_' .. side_of(m, r)]
end

-- Whether an entry came after the last that somebody has: numbers and instants rise together, and a store that was set
-- back gives numbers out again, but never instants. Instant 0: not known.
local function newer(entry, n, at)
  return entry[1] > n or (at > 0 and entry[4] > at) -- guard: set-back-newer -- off: return entry[1] > n
end

-- The person's state and what this page has not seen of the match: messages and signals that are newer than `seen`'s, signals
-- only if they are not meant for another page; of another match it has seen nothing, and who has seen more than there is
-- saw what a store that fell back no longer knows: they see all of it anew.
local function snapshot_of(r, word, seen)
  local messages, signals = {}, {}
  local message_n, signal_n = last_numbers(r)
  if r.match ~= '' then
    local m = load_match(r.match)
    local seen_message_n, seen_signal_n = seen.message_n, seen.signal_n
    if seen.match ~= m.id then seen_message_n, seen_signal_n = 0, 0 end
    if seen_message_n > message_n then seen_message_n = 0 end -- guard: set-back-resent
    if seen_signal_n > signal_n then seen_signal_n = 0 end -- guard: set-back-signals
    for _, entry in ipairs(kept(S .. 'msg:' .. m.id)) do
      if newer(entry, seen_message_n, seen.message_at) then
        messages[#messages + 1] = { entry[1], message_frame(m.id, entry, r.id) }
      end
    end
    for _, entry in ipairs(kept(S .. 'sig:' .. m.id .. ':' .. side_of(m, r))) do
      if newer(entry, seen_signal_n, seen.signal_at) and (entry[6] == '' or entry[6] == r.page) then
        signals[#signals + 1] = { entry[1], signal_frame(m.id, entry) }
      end
    end
  end
  return {
    word, state_json(r), facts, string.format('%.0f', r.version), string.format('%.0f', r.attached_at),
    r.match, message_n, signal_n, messages, signals,
  }
end
