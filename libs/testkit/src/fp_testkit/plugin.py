"""The fixtures.

clock           ManualClock
stores          fp_devstack.Endpoints of the session's real stores
database_url    str: a fresh, empty database
databases       Databases: `await databases.create(folder, service="registry")` -> URL of a fresh migrated database
nats_url        str: a server with no stream and no consumer
bus             fp_events.NatsBus with every declared stream
redis_url       str: a store without keys
s3              Bucket(endpoint, name, access_key, secret_key): an empty bucket, `.client()` is a minio client
identity        TestIdentity: `.admin(team)`, `.engineer(team)`, `.viewer(team)`, `.service(noun)`, `.job(team, execution)`
issuer          Issuer(url, address): JWKS over HTTP and ExchangeServiceToken over gRPC, for services that need auth
rpc             `async with`-free factory: `await rpc(add_to_server, servicer)` -> RpcHarness(address, channel(token))
services        `await services(noun, settings, serve)` -> RunningService(grpc_address, http_url, runtime)
kill_at         `await kill_at(scenario, check, arrange=...)`: see fp_testkit.crash
spans           SpanCollector(endpoint): `await spans.wait_for(name)`, `spans.trace(trace_id)`
"""
