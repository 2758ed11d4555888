"""Token buckets that all replicas share, by Redis' own clock."""

from fp_kernel.bucket import Grant, Limit
from fp_redis import RedisClient, Script

_PREFIX = "fp:inference:bucket:"

# KEYS: bucket. ARGV: rate, burst, least, most. Answers tokens, microseconds to wait, and what is left.
# More than the burst is owed, as `domain.bucket` says.
_LEASE = Script("""
local rate, burst, least, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(kept[1]) or burst
local at = tonumber(kept[2]) or now
tokens = math.min(burst, tokens + math.max(0, now - at) * rate / 1000000)
local granted, wait = 0, 0
local enough = math.min(least, burst)
if tokens >= enough then
  granted = math.max(least, math.min(most, math.floor(tokens)))
  tokens = tokens - granted
else
  wait = (enough - tokens) / rate * 1000000
end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'at', string.format('%.0f', math.max(now, at)))
redis.call('PEXPIRE', KEYS[1], math.ceil((burst - tokens) / rate * 1000) + 1000)
return {granted, math.ceil(wait), math.floor(tokens)}
""")


class RedisBuckets:
    def __init__(self, link: RedisClient) -> None:
        self._link = link

    async def lease(self, name: str, limit: Limit, least: int, most: int) -> Grant:
        arguments = [limit.rate, limit.burst, least, most]
        ((tokens, micros, left),) = await self._link.run(_LEASE, ([_PREFIX + name], arguments))
        return Grant(int(tokens), int(micros) / 1_000_000, float(left))
