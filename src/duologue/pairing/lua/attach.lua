#!lua flags=allow-oom
-- Attach: this connection is the person's one connection now; a sign of life. Answers the snapshot.
-- KEYS[1]  {shard}p:<person>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids, 4 person, 5 process, 6 connection, 7 page, 8 alias (JSON string or ""), 9 match, 10 n and 11 instant (ms, 0: not known) of the last message seen, 12 device or "", 13 network or ""
-- Returns  attached, state, facts, version, attached_at (ms), match, last message n, last signal n, messages, signals, anew (0|1) | taken-over, "", facts | crowded, "", facts | barred, what the person reads (JSON), facts
-- Events   T or E to the connection it replaces; partner-back; those of a match; those of an ending
-- Invariants: one connection a person; a superseded page is refused; at most `network_people` of one network; a page changes at most `page_changes` times in a match
-- include: context events index view rooms queue fitting seeking presence closing reported ending notes sanctions
local person, process, connection, page, alias = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local r = load_or_new(person)
if superseded(r, page) then return { 'taken-over', '', facts } end -- guard: page-refused
local ban, warning = sanctions.of(person, ARGV[12])
if ban then return { 'barred', ban, facts } end -- guard: ban-attach
local full = crowded(r, ARGV[13]) -- guard: network-people -- off: local full = false
if full then return { 'crowded', '', facts } end

come_from(r, ARGV[12], ARGV[13])
local anew = r.connection == '' or r.page ~= page -- guard: attach-anew -- off: local anew = false
local turned = r.match ~= '' and r.page ~= page
if r.connection ~= connection then
  -- Time may fall by up to `outage_ms` where a sweep is missing, and an address that was named again may be of another time.
  local at = math.max(now, r.attached_at + 1) -- guard: attached-rises -- off: local at = now
  connect(r, process, connection, page, at)
end
local most = turned and turn_page(load_match(r.match), r) > T.page_changes -- guard: page-changes -- off: local most = false
sign(r, most)
r.away = 0
sanctions.note(r, warning)
if most then end_by_pages(load_match(r.match), r) end
if alias ~= '' then rename(r, alias) end
redis.call('PEXPIRE', S .. 'blocked:' .. person, T.block_ttl_ms) -- blocks last as long as their person comes back
if r.state == 'waiting' then pair(r) end -- guard: attach-pairs -- off: if r.state == 'waiting' then enqueue(r) end
commit()
local seen = { match = ARGV[9], message_n = tonumber(ARGV[10]), message_at = tonumber(ARGV[11]), signal_n = 0, signal_at = 0 }
local reply = snapshot_of(r, 'attached', seen)
reply[11] = anew and 1 or 0
return reply
