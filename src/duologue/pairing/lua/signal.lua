#!lua
-- Signal: from one page to the partner's, numbered for the recipient.
-- KEYS[1]  {shard}p:<person>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids, 4 person, 5 match, 6 key, 7 data (JSON object), 8 to (page or ""), 9 from (page)
-- Returns  sent | stale, state, facts, n
-- Events   peer-signal (the partner's)
-- Invariants: 3 fenced by the match and by the page that has the connection, or had it last; a repeated key has no second effect
-- include: context events index view rooms queue presence notes
local person, match, client_key, data, to, from = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local r = load(person)
local late = not r or match == '' or r.match ~= match -- guard: match-fence -- off: local late = not r or r.match == ''
local elsewhere = r and r.page ~= from -- guard: signal-names-page -- off: local elsewhere = false
if late or elsewhere then
  return { 'stale', state_json(r or unknown(person)), facts, 0 }
end

sign(r)
local m = load_match(r.match)
local partner, side = partner_of(m, r), other(side_of(m, r))
local list = S .. 'sig:' .. m.id .. ':' .. side
local n = repeated(list, person, client_key)
if not n then
  n = m['signal_last_' .. side] + 1
  local entry = { n, person, client_key, after_last(list), data, to }
  m['signal_bytes_' .. side] = keep(list, m['signal_bytes_' .. side], entry)
  m['signal_last_' .. side], m.touched = n, true
  if partner.connection ~= '' then
    publish(partner.process, {
      address('G', partner) .. ' ' .. m.id .. ' ' .. n .. ' ' .. (to == '' and '-' or to), signal_frame(m.id, entry),
    })
  end
end
local reply = answer('sent', r)
reply[4] = n
return reply
