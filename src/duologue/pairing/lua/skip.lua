#!lua flags=allow-oom
-- Skip: the caller ends the match they name; both are in the queue again, or in their next match.
-- KEYS[1]  {shard}p:<person>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids, 4 person, 5 match
-- Returns  skipped | stale, state, facts
-- Events   skip-confirmed, force-disconnect, then new-match | waiting | idle
-- Invariants: 2, 3 fenced by the match, 4 no limbo, 9 the skipper goes last
-- include: context events index view rooms queue fitting seeking presence closing reported ending
local person, match = ARGV[4], ARGV[5]
local r = load(person)
if not r then return stale(person) end

local late = match == '' or r.match ~= match -- guard: match-fence -- off: local late = r.match == ''
if late then
  local _, ender = recall(person, match)
  if ender == ME then return { 'skipped', state_json(r), facts } end -- guard: repeated-skip
  -- guard: stale-no-sign -- off: sign(r)
  return stale(person)
end

sign(r, true)
end_by_skip(load_match(r.match), r)
return answer('skipped', r)
