#!lua flags=allow-oom
-- Room-hint: what LiveKit says of a participant. Late, twice, out of order or never: it is a hint.
-- KEYS[1]  {shard}rooms
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids, 4 match, 5 side (a|b), 6 fact: joined | left, 7 event id or ""
-- Returns  ok | stale, "", facts
-- Events   probe (of who left), partner-away
-- Invariants: 3 fenced by the match; at worst it costs one owed sign
-- include: context events index view rooms queue presence
local match, side, what, event = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local e, m = load_room(match), load_match(match)
if not e or not m or awaits_room(m) then return { 'stale', '', facts } end
local r = load(m[side])
if not r or r.match ~= match then return { 'stale', '', facts } end
if event ~= '' and not redis.call('SET', S .. 'hook:' .. event, 1, 'NX', 'PX', ROOMS.hook_ttl_ms) then -- guard: hint-once -- off: if false then
  return { 'stale', '', facts }
end

e['present_' .. side], e.touched = what == 'joined' and 1 or 0, true
if what == 'left' then
  -- Who has no connection cannot read the probe: their partner may vouch for them.
  local armed = demand(r, T.owed_ms, r.connection == '' and 1 or 0) -- guard: hint-arms -- off: local armed = false
  if armed then tell_away(m, r) end
elseif e.present_a == 1 and e.present_b == 1 then
  -- Both are there: that stands for `open` where the page itself says nothing of its media.
  if e.says_a == 0 then opened(m, 'a') end -- guard: page-before-fact -- off: opened(m, 'a')
  if e.says_b == 0 then opened(m, 'b') end -- guard: page-before-fact -- off: opened(m, 'b')
end
commit()
return { 'ok', '', facts }
