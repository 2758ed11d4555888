"""The steps that must be one step in the store."""

from fp_redis import Script

# KEYS documents, index. ARGV base revision, new revision, model id, then for each document: its field, the document,
# its sort key, its lists (one a line), the field that leads from its name to its id.
APPLY = Script("""
local documents, index = KEYS[1], KEYS[2]
local base, revision, model = tonumber(ARGV[1]), tonumber(ARGV[2]), 'r:' .. ARGV[3]
local stored = tonumber(redis.call('HGET', documents, model) or '0')
if stored >= revision then return 'current' end
if stored < base then return 'behind' end
for i = 4, #ARGV, 5 do
  local field, document, key, lists, name = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  local before = redis.call('HGET', documents, 'l:' .. field)
  if before ~= lists then
    for list in string.gmatch(before or '', '[^\\n]+') do redis.call('ZREM', index, list .. '\\0' .. key) end
    for list in string.gmatch(lists, '[^\\n]+') do redis.call('ZADD', index, 0, list .. '\\0' .. key) end
  end
  redis.call('HSET', documents, field, document, 'l:' .. field, lists, name, string.sub(field, 3))
end
redis.call('HSET', documents, model, ARGV[2])
return 'applied'
""")

# KEYS claim. ARGV generation, lease in milliseconds.
EXTEND = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
""")

# KEYS claim, pointer. ARGV generation.
SWITCH = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], 'current', ARGV[1], 'run', redis.call('HGET', KEYS[2], 'building_run') or '')
return redis.call('DEL', KEYS[1])
""")

# KEYS claim. ARGV generation.
ABANDON = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
""")
