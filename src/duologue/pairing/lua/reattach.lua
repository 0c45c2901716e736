#!lua flags=allow-oom
-- Re-attach: a process names the connections that it holds; an address that the store lost is written again. No sign of life.
-- KEYS[1]  {shard}at:<process>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids, 4 process, then thirteen a connection: person, connection, page, attached_at (ms), alias (JSON string), device, network, and what was written last to it: version ("": not compared, 0: never equal), match or "", message n, signal n, and the instants of these two (ms, 0: not known)
-- Returns  ok, "", facts, one answer a connection: same | refused | attached … (a snapshot, as in attach, with what came after the numbers)
-- Events   T or E to an older connection; partner-back
-- Invariants: an older connection never replaces a newer one; a record that names the connection is not written
-- include: context events index view rooms queue fitting seeking presence closing reported ending notes sanctions
local process = ARGV[4]

local function later_known(r, connection, attached_at)
  if r.connection ~= '' and r.attached_at >= attached_at then return true end -- guard: attached-later
  if r.connection == '' and r.attached_at > attached_at then return true end -- guard: last-named
  return false
end

local function saw_all(r, seen)
  if not seen.version then return true end
  local message_n, signal_n = last_numbers(r)
  return r.version == seen.version and r.match == seen.match and message_n == seen.message_n and signal_n == seen.signal_n -- guard: seen-compared -- off: return true
end

local function restore(person, connection, page, attached_at, alias, device, network, seen)
  local r = load_or_new(person)
  -- Their stream was told to end, and that was lost; or the store lost their record, and not the ban.
  local kept_out = (r.idle_reason == 'banned' or r.connection ~= connection) and sanctions.of(person, device)
  if kept_out then -- guard: ban-reattach -- off: if false then
    if r.connection == connection then disconnect(r, 'closed') end
    return { 'refused' }
  end
  if r.connection == connection then redis.call('SADD', S .. 'at:' .. process, person) end -- if the store lost it
  if r.connection == connection then return { saw_all(r, seen) and 'same' or 'attached', r, seen } end
  if later_known(r, connection, attached_at) or superseded(r, page) then return { 'refused' } end
  come_from(r, device, network)
  connect(r, process, connection, page, attached_at)
  if r.away == 1 and r.probe ~= '' and r.match ~= '' then
    fact(string.format('back %s %s', r.match, r.id))
    show(partner_of(load_match(r.match), r), frame('partner-back', match_field(r.match) .. ',"until_ms":null'))
  end
  r.away = 0
  rename(r, alias)
  if r.state == 'waiting' then pair(r) end
  return { 'attached', r, seen }
end

local results = {}
for i = 5, #ARGV, 13 do
  local seen = {
    version = tonumber(ARGV[i + 7]), match = ARGV[i + 8], message_n = tonumber(ARGV[i + 9]), signal_n = tonumber(ARGV[i + 10]),
    message_at = tonumber(ARGV[i + 11]), signal_at = tonumber(ARGV[i + 12]),
  }
  local known = restore(ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3]), ARGV[i + 4], ARGV[i + 5], ARGV[i + 6], seen) -- guard: reattach-writes -- off: local known = { 'same' }
  results[#results + 1] = known
end
commit()
for i, known in ipairs(results) do
  local word, r, seen = known[1], known[2], known[3]
  results[i] = word == 'attached' and snapshot_of(r, word, seen) or { word }
end
return { 'ok', '', facts, results }
