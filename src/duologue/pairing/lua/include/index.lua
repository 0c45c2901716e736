-- The index of the queue (mechanism 3): which sets a pairable person stands in, and what of that this call changes.
-- `q:<pool>:<language>:<interest>` has pairable people by place. Language: a name; '' those who named none; '*' those who named
-- any. Interest: '#' and a tag; '' those who named none; '*' those who named any. A person with k tags stands in 2k + 2 of them
-- at most, a person without in two. `common:<pool>` has those of any wishes who have been pairable for `relax_after_ms`.
-- `seek` has people by when the scan looks for them. `queues` names the sets, so that the scan can take out what lost records left.
local function languages(base, own, others)
  if own == '' then return { base .. ':', others and base .. '*:' } end
  return { base .. own .. ':', base .. (others and '' or '*') .. ':' }
end

local function common_set(pool) return S .. 'common:' .. pool end

-- The sets that the person stands in or, for a `seeker`, those in which everybody is whom their wishes fit.
local function sets_of(r, seeker)
  local sets, tags = {}, r.tags
  for _, base in ipairs(languages(S .. 'q:' .. r.pool .. ':', r.language, seeker)) do
    for i = 1, #tags do sets[#sets + 1] = base .. '#' .. tags[i] end
    local none, any = seeker or #tags == 0, #tags > 0
    if seeker then any = #tags == 0 end
    if none then sets[#sets + 1] = base end
    if any then sets[#sets + 1] = base .. '*' end
  end
  if not seeker and r.relaxed == 1 then sets[#sets + 1] = common_set(r.pool) end
  return sets
end

-- What this call reads and changes of the index so far, in commands of the store. A person with 16 interests stands in 34 sets and
-- one without in two, so a call that goes through many people stops by `cost`, not by their number.
local work, entries = 0, 0
local function cost() return work + 3 * entries end -- guard: cost-bounded -- off: local function cost() return 0 end

-- Called before anything changes of what a person's sets depend on: pool, language, tags, place, `pairable`, `relaxed`.
local moving, strays = {}, {}
local function unsettle(r)
  if r.stood ~= nil then return end
  entries = entries + 2 * #r.tags + 2
  r.stood = r.pairable > 0 and sets_of(r)
  moving[#moving + 1] = r
end

-- Once more in all of its sets, if the store lost one of them or this entry.
local function unsettle_all(r)
  unsettle(r)
  r.requeued = true
end

-- Entries that no record explains: its person's record was lost.
local function stray(set, id) strays[#strays + 1] = { set, id } end

local emptied = {}
local function take_out(set, id)
  if redis.call('ZREM', set, id) == 1 and redis.call('EXISTS', set) == 0 then emptied[#emptied + 1] = set end
end

local function settle(r)
  local left = {}
  for _, set in ipairs(r.stood or {}) do left[set] = true end
  if r.pairable > 0 then
    local entered = {}
    for _, set in ipairs(sets_of(r)) do
      if not left[set] or r.requeued then
        redis.call('ZADD', set, r.place, r.id)
        entered[#entered + 1] = set
      end
      left[set] = nil
    end
    if #entered > 0 then redis.call('SADD', S .. 'queues', unpack(entered)) end
    if not r.stood and r.seek == nil then r.seek = now end
    if r.seek then
      redis.call('ZADD', S .. 'seek', r.seek, r.id)
    elseif r.seek == false then
      redis.call('ZREM', S .. 'seek', r.id)
    end
  elseif r.stood then
    redis.call('ZREM', S .. 'seek', r.id)
  end
  for set in pairs(left) do take_out(set, r.id) end
  r.stood, r.requeued = nil, nil
end

-- The index as this call leaves it, written by `commit`.
local function write_index()
  for _, each in ipairs(strays) do take_out(each[1], each[2]) end
  for _, r in ipairs(moving) do settle(r) end
  local gone = {}
  for _, set in ipairs(emptied) do
    if redis.call('EXISTS', set) == 0 then gone[#gone + 1] = set end
  end
  if #gone > 0 then redis.call('SREM', S .. 'queues', unpack(gone)) end
  moving, strays, emptied = {}, {}, {}
end
