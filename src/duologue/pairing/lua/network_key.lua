#!lua flags=allow-oom
-- Network-key: the wrapped keys of this store's network marks, by the signing key that unwraps each; the first proposal stays.
-- KEYS[1]  {shard}network-key
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 name of the signing key, or "": only asked, 5 proposal, then names of the other signing keys that the caller lists
-- Returns  ok, "", facts, names and wrapped keys in turn
-- Events   none
-- Invariants: servers that start together use one key; of more than 16 entries those of signing keys that are not listed leave
local name, proposal = ARGV[4], ARGV[5]
local MOST = 16
if name ~= '' and redis.call('HSETNX', KEYS[1], name, proposal) == 1 then
  local listed, left = { [name] = true }, redis.call('HLEN', KEYS[1]) - MOST
  for i = 6, #ARGV do listed[ARGV[i]] = true end
  for _, other in ipairs(redis.call('HKEYS', KEYS[1])) do
    if left > 0 and not listed[other] then -- guard: network-keys-bounded -- off: if false then
      redis.call('HDEL', KEYS[1], other)
      left = left - 1
    end
  end
end
return { 'ok', '', {}, redis.call('HGETALL', KEYS[1]) }
