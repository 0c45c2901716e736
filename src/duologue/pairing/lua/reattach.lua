#!lua flags=allow-oom
-- Re-attach: a process names the connections that it holds; an address that the store lost is written again. No sign of life.
-- KEYS[1]  {shard}at:<process>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids, 4 process, then five a connection: person, connection, page, attached_at (ms), alias (JSON string)
-- Returns  ok, "", facts, one answer a connection: same, version, match, message n, signal n | refused | attached … (a snapshot, as in attach)
-- Events   T or E to an older connection; partner-back
-- Invariants: an older connection never replaces a newer one
-- include: context view queue presence ending notes
local process = ARGV[4]

local function later_known(r, connection, attached_at)
  if r.connection ~= '' and r.attached_at >= attached_at then return true end -- guard: attached-later
  if r.connection == '' and r.attached_at > attached_at then return true end -- guard: last-named
  return false
end

local function restore(person, connection, page, attached_at, alias)
  local r = load_or_new(person)
  if r.connection == connection then return { 'same', r } end
  if later_known(r, connection, attached_at) or superseded(r, page) then return { 'refused' } end
  connect(r, process, connection, page, attached_at)
  if r.away == 1 and r.probe ~= '' and r.match ~= '' then
    show(partner_of(load_match(r.match), r), frame('partner-back', match_field(r.match) .. ',"until_ms":null'))
  end
  r.away = 0
  rename(r, alias)
  if r.state == 'waiting' then pair(r) end
  return { 'attached', r }
end

local results = {}
for i = 5, #ARGV, 5 do
  local known = restore(ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3]), ARGV[i + 4]) -- guard: reattach-writes -- off: local known = { 'same', load_or_new(ARGV[i]) }
  results[#results + 1] = known
end
commit()
for i, known in ipairs(results) do
  local word, r = known[1], known[2]
  if word == 'same' then
    local m = r.match ~= '' and load_match(r.match)
    results[i] = {
      'same', string.format('%.0f', r.version), r.match,
      m and m.message_last or 0, m and m['signal_last_' .. side_of(m, r)] or 0,
    }
  elseif word == 'attached' then
    results[i] = snapshot_of(r, 'attached', '', 0)
  end
end
return { 'ok', '', facts, results }
