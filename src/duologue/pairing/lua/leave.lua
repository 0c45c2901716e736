#!lua flags=allow-oom
-- Leave: the caller is idle; a partner keeps talking to the queue.
-- KEYS[1]  {shard}p:<person>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids, 4 person, 5 intent (ms)
-- Returns  left | stale, state, facts
-- Events   idle; for a partner force-disconnect, then new-match | waiting | idle
-- Invariants: 1, 2, 4
-- include: context events index view rooms queue fitting seeking presence closing reported ending
local person, intent = ARGV[4], tonumber(ARGV[5])
local r = load_or_new(person)

if intent < r.intent then return stale(person) end -- guard: intent-fence
if intent == r.intent and r.wish == 'talk' then return stale(person) end

local newer = intent > r.intent
sign(r, true)
r.intent, r.wish = intent, 'rest'
if r.match ~= '' then
  end_by_leave(load_match(r.match), r)
elseif r.state == 'waiting' then
  to_idle(r, 'left')
elseif newer then
  r.idle_reason = 'left'
  show(r, frame('state'))
end
return answer('left', r)
