#!lua flags=allow-oom
-- Servers: a server process enters, if its settings agree with those of the processes that are there; or it leaves.
-- KEYS[1]  {shard}servers
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 process, 5 how people call it; "": it leaves, 6 whether a change rolls (0|1), 7 pools, 8 mark of the key that signs, then marks of the other keys that it accepts
-- Returns  ok, "", facts; differs, "", facts, pools | secret, how people call the other process, its pools
-- Events   none
-- Invariants: servers whose settings differ are on one store only while an operator asked for it
-- include: context
local servers, process, called, rolls, pools, signs = KEYS[1], ARGV[4], ARGV[5], ARGV[6] == '1', ARGV[7], ARGV[8]
-- A process enters before it listens. Until it does, its entry counts for so long.
local STARTING_MS = 5000
if called == '' then
  redis.call('HDEL', servers, process)
  return { 'ok', '', facts }
end
local accepts = {}
for i = 8, #ARGV do accepts[ARGV[i]] = true end

-- A connection ends with its process, so this needs no clock and no beat.
local function listens(other)
  return redis.call('PUBSUB', 'NUMSUB', S .. 'f:' .. other)[2] > 0
end

local function difference(other)
  local accepts_ours = false
  for _, mark in ipairs(other.accepts) do accepts_ours = accepts_ours or mark == signs end
  if not (accepts_ours and accepts[other.accepts[1]]) then return 'secret' end
  if other.pools ~= pools then return 'pools' end
end

local gone = {}
local entries = redis.call('HGETALL', servers)
for i = 1, #entries, 2 do
  local name, other = entries[i], cjson.decode(entries[i + 1])
  if name ~= process then
    local starts = math.abs(wall - other.at_ms) < STARTING_MS -- guard: servers-start -- off: local starts = false
    if not starts and not listens(name) then
      gone[#gone + 1] = name
    elseif not rolls then
      local differs = difference(other) -- guard: servers-agree -- off: local differs = nil
      if differs then return { 'differs', '', facts, differs, other.called, other.pools } end
    end
  end
end
for _, name in ipairs(gone) do redis.call('HDEL', servers, name) end
local mine = { at_ms = wall, called = called, pools = pools, accepts = { unpack(ARGV, 8) } }
redis.call('HSET', servers, process, cjson.encode(mine))
return { 'ok', '', facts }
