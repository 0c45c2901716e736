#!lua
-- Message: text chat of a live match, numbered, on both streams. What each side says is kept, and bounded by side.
-- KEYS[1]  {shard}p:<person>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids, 4 person, 5 match, 6 key, 7 text (JSON string)
-- Returns  sent | no-room | stale, state, facts, n
-- Events   message (both)
-- Invariants: 3 fenced by the match; a repeated key has no second effect; nothing that was said gives way to what is said later
-- include: context events index view rooms queue presence notes reported evidence
local person, match, client_key, text = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local r = load(person)
if not r or match == '' or r.match ~= match then -- guard: match-fence -- off: if not r or r.match == '' then
  return { 'stale', state_json(r or unknown(person)), facts, 0 }
end

sign(r)
local m = load_match(r.match)
local list, said = S .. 'msg:' .. m.id, 'said_' .. side_of(m, r)
local n = repeated(list, person, client_key)
if not n then
  n = m.message_last + 1
  local at = after_last(list)
  local evidence = string.format('[%.0f,%.0f,"%s",%s]', n, at, person, text)
  local bytes = (m[said] or 0) + #evidence
  if bytes > T.side_bytes then -- guard: side-bytes -- off: if false then
    local reply = answer('no-room', r)
    reply[4] = 0
    return reply
  end
  m[said] = bytes
  keep_said(m, evidence)
  local entry, dropped = { n, person, client_key, at, text }, 0
  m.message_bytes, dropped = keep(list, m.message_bytes, entry)
  m.message_last, m.message_first, m.touched = n, m.message_first + dropped, true
  for _, reader in ipairs({ r, partner_of(m, r) }) do
    if reader.connection ~= '' then
      publish(reader.process, { address('M', reader) .. ' ' .. m.id .. ' ' .. n, message_frame(m.id, entry, reader.id) })
    end
  end
end
local reply = answer('sent', r)
reply[4] = n
return reply
