"""The steps that must be one step in the store.

Names of keys are put together inside, because which copy is meant is itself read there; all of them bear the view's
hash tag, so that they are in one slot.
"""

from fp_redis import Script

# KEYS pointer, building. ARGV prefix, copy (empty: the one that is seen), first and last version (0, 0: a part that
# ends no event), lease in milliseconds, then for each row: entity, value, when it expires in Unix milliseconds or 0.
# A value begins with five numbers that order rows: event time in two, version in two, ordinal.
# Answers up to which version the copy has the log, -1 without a copy.
APPLY = Script("""
local copy = ARGV[2]
if copy == '' then copy = redis.call('GET', KEYS[1]) end
if not copy then return -1 end
if redis.call('GET', KEYS[2]) == copy then redis.call('PEXPIRE', KEYS[2], ARGV[5]) end
local cursor = ARGV[1] .. ':' .. copy
local function newer(one, other)
  local a = {struct.unpack('>I4I4I4I4I4', one)}
  local b = {struct.unpack('>I4I4I4I4I4', other)}
  for i = 1, 5 do
    if a[i] ~= b[i] then return a[i] > b[i] end
  end
  return false
end
for i = 6, #ARGV, 3 do
  local key, value, expires = cursor .. ':' .. ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local stored = redis.call('GET', key)
  if not stored or newer(value, stored) then
    if expires == '0' then redis.call('SET', key, value)
    else redis.call('SET', key, value, 'PXAT', expires) end
  end
end
local first, last = tonumber(ARGV[3]), tonumber(ARGV[4])
local at = tonumber(redis.call('GET', cursor) or '0')
if last > at and first <= at + 1 then
  redis.call('SET', cursor, ARGV[4])
  return last
end
return at
""")

# KEYS pointer. ARGV prefix, copy. For a view whose log has one event, which has no rows.
OPEN = Script("""
local seen = redis.call('GET', KEYS[1])
if not seen then
  seen = ARGV[2]
  redis.call('SET', ARGV[1] .. ':' .. seen, '1')
  redis.call('SET', KEYS[1], seen)
end
return tonumber(redis.call('GET', ARGV[1] .. ':' .. seen) or '0')
""")

# KEYS pointer, building. ARGV prefix, copy, version, force (1 or 0).
SWITCH = Script("""
local at = tonumber(redis.call('GET', ARGV[1] .. ':' .. ARGV[2]) or '-1')
if at < tonumber(ARGV[3]) then return 'lost' end
local seen = redis.call('GET', KEYS[1])
if seen and seen ~= ARGV[2] then
  if ARGV[4] == '0' and tonumber(redis.call('GET', ARGV[1] .. ':' .. seen) or '0') > at then return 'behind' end
  redis.call('DEL', ARGV[1] .. ':' .. seen)
end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('DEL', KEYS[2])
return 'switched'
""")

# KEYS pointer, building. ARGV copy, then keys of that copy, its cursor first: whoever still fills a copy that goes
# finds out and does not switch to it.
DROP = Script("""
if redis.call('GET', KEYS[1]) == ARGV[1] or redis.call('GET', KEYS[2]) == ARGV[1] then return 0 end
for i = 2, #ARGV do redis.call('UNLINK', ARGV[i]) end
return #ARGV - 1
""")
