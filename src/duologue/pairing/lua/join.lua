#!lua
-- Join: the caller wants a stranger. From idle into the queue, and to the first who fits.
-- KEYS[1]  {shard}p:<person>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids, 4 person, 5 intent (ms), 6 pool, 7 language, 8 auto_next (0|1), 9 alias (JSON string), 10 text_only (0|1), 11… tags
-- Returns  matched | waiting | stale, state, facts | barred | warned, state, facts, what the person reads (JSON)
-- Events   new-match (both), waiting, state
-- Invariants: 1 one state, 4 no limbo, 9 a join while waiting or matched never moves the place
-- include: context events index view rooms queue fitting seeking presence closing reported ending sanctions
local person, intent, pool, language = ARGV[4], tonumber(ARGV[5]), ARGV[6], ARGV[7]
local auto_next, alias, text_only = tonumber(ARGV[8]), ARGV[9], tonumber(ARGV[10])
local made = not load(person)
local r = load_or_new(person)

local ban, warning = sanctions.of(person, r.device)
local barred = ban or warning
if barred then -- guard: ban-join -- off: if false then
  if sanctions.note(r, barred) then show(r, frame('state')) end -- guard: barred-told
  local reply = answer(ban and 'barred' or 'warned', r)
  reply[4] = barred
  return reply
end

local newer = intent > r.intent
if intent < r.intent then return stale(person) end -- guard: intent-fence
if intent == r.intent and r.wish == 'rest' then return stale(person) end

-- A record that is made here may have been lost while a process holds the person's connection, and only that process can name
-- it again. It compares its people with its list when the list has another length.
for _, process in ipairs(made and redis.call('ZRANGE', S .. 'beats', 0, 255) or {}) do
  redis.call('SREM', S .. 'at:' .. process, person) -- guard: made-unlisted
end

-- A repeat of the join that made a match is no sign in it.
if newer or r.match == '' then sign(r) end -- guard: sign-names-match -- off: sign(r)
local was = r.state
if newer or was == 'idle' then
  unsettle(r) -- guard: pool-move
  if r.pool ~= pool then dequeue(r) end -- guard: pool-move
  r.anew = true
  r.pool, r.language, r.auto_next, r.text_only, r.tags = pool, language, auto_next, text_only, {}
  for i = 11, #ARGV do r.tags[#r.tags + 1] = ARGV[i] end
end
r.intent, r.wish = intent, 'talk'
if sanctions.note(r, '') then show(r, frame('state')) end
touch(r)
rename(r, alias)

local from_idle = was == 'idle' -- guard: join-from-idle -- off: local from_idle = true
if from_idle then
  local soon = r.idle_reason == 'you-were-away' and now - r.place <= T.away_keep_ms
  r.ended_match, r.ended_reason, r.ended_at = '', '', 0
  r.match = '' -- as it is already, unless a guard is off
  to_waiting(r, soon and now - r.waited or now)
  r.waited = 0
end

local paired = pair(r)
if r.state == 'waiting' and was == 'idle' then
  show(r, frame('waiting'))
elseif newer and not paired then
  show(r, frame('state'))
end
return answer(r.state, r)
