"""What the bus does for a user who has the rights of one service."""

import asyncio
import json
import os
import sys
from dataclasses import replace

import nats
import pytest
import pytest_asyncio
from fp_devstack.store_access import NatsAccess
from fp_events import CONSUMERS, STREAMS, Broadcast, connect, durable, encoded
from fp_events.provisioning import provision
from fp_events.streams import AUTH, DLQ, MODELS
from fp_kernel import Unavailable
from fp_testkit.patience import PATIENCE
from fp_testkit.streams import looker
from fp_testkit.suites.consuming import Recorder, consuming, listening, registered

API = "$JS.API"
REVOKED = "fp.auth.apikey.revoked"
RIGHTS = NatsAccess(
    publish=(
        "fp.models.registered",
        *(f"{API}.STREAM.INFO.{stream.name}" for stream in (MODELS, AUTH, DLQ)),
        f"{API}.CONSUMER.INFO.*.registry",
        f"{API}.CONSUMER.MSG.NEXT.*.registry",
        "$JS.ACK.*.registry.>",
        f"{API}.CONSUMER.CREATE.AUTH.*.fp.auth.apikey.*",
        f"{API}.CONSUMER.MSG.NEXT.AUTH.*",
        f"{API}.CONSUMER.DELETE.AUTH.*",
        # Beyond what any service has: to see what the server makes of it.
        f"{API}.CONSUMER.CREATE.MODELS.forger",
    ),
    subscribe=("_INBOX_registry.>",),
)


@pytest_asyncio.fixture
async def url(real_stores):
    """Of a user with these rights, on a server without streams."""
    return await real_stores.next_bus(RIGHTS)


@pytest_asyncio.fixture
async def registry(url):
    bus = await connect(url, name="registry")
    yield bus
    await bus.close()


@pytest_asyncio.fixture
async def server(url):
    client = await nats.connect(looker(url), connect_timeout=int(PATIENCE))
    yield client
    await client.close()


async def test_a_service_makes_no_stream_and_says_who_does(url, registry):
    with pytest.raises(Unavailable, match="fp events init"):
        await registry.ensure([MODELS], [durable("registry")])

    await provision(looker(url))
    await registry.ensure([MODELS, AUTH], [durable("registry")])


async def test_an_event_that_a_service_may_not_publish_fails_at_once(url, registry):
    await provision(looker(url))
    own, foreign = registered("own"), replace(registered("foreign"), type=REVOKED)

    published = await registry.publish([own, foreign])

    assert published.acked == {own.id}
    assert published.failed[foreign.id].reason == "SUBJECT_FORBIDDEN"


async def test_a_service_takes_its_events_and_hears_what_it_watches(url, registry):
    await provision(looker(url))
    auth = await connect(looker(url), name="auth")
    taken, heard = Recorder(), Recorder()
    revoked = replace(registered("key"), type=REVOKED)
    try:
        async with (
            consuming(registry, durable("registry"), taken),
            listening(registry, Broadcast("keys", ("fp.auth.apikey.*",)), heard),
        ):
            await registry.publish([registered("one")])
            await auth.publish([replace(registered("person"), type="fp.auth.user.created"), revoked])
            await taken.has(1)
            await heard.has(1)
    finally:
        await auth.close()

    assert heard.ids == [revoked.id]


async def test_the_server_publishes_for_nobody_under_the_name_of_another(url, registry, server):
    """A consumer that is delivered to a subject of another stream is not stored there. If a version of the server
    ever does so, who may make a consumer on a stream that he writes could speak for everybody.
    """
    await provision(looker(url))
    await registry.publish([registered("forged")])
    client = await nats.connect(url, connect_timeout=int(PATIENCE), inbox_prefix="_INBOX_registry")
    config = {"name": "forger", "durable_name": "forger", "deliver_subject": REVOKED, "ack_policy": "none"}
    request = {"stream_name": "MODELS", "config": {**config, "deliver_policy": "all"}}
    made = await client.request(f"{API}.CONSUMER.CREATE.MODELS.forger", json.dumps(request).encode(), timeout=PATIENCE)
    await client.close()
    # What comes behind it in the other stream shows that nothing came before.
    auth = await connect(looker(url), name="auth")
    await auth.publish([replace(registered("true"), type=REVOKED)])
    await auth.close()

    assert b"error" not in made.data
    state = (await server.jetstream(timeout=PATIENCE).stream_info("AUTH")).state
    assert state.messages == 1


async def test_answers_that_a_service_has_sent_to_the_subject_of_another_are_no_events(url, registry, server):
    """The server looks at no right to the subject to which an answer goes, and stores it there."""
    await provision(looker(url))
    heard, true = Recorder(), replace(registered("true"), type=REVOKED)
    client = await nats.connect(url, connect_timeout=int(PATIENCE), inbox_prefix="_INBOX_registry")
    auth = await connect(looker(url), name="auth")
    try:
        async with listening(registry, Broadcast("keys", ("fp.auth.apikey.*",)), heard):
            forged = encoded(replace(registered("forged"), type=REVOKED))
            await client.publish("fp.models.registered", forged.data, reply=REVOKED)
            await client.publish(f"{API}.CONSUMER.MSG.NEXT.MODELS.registry", b"", reply=REVOKED)
            await client.flush()
            jetstream = server.jetstream(timeout=PATIENCE)
            async with asyncio.timeout(PATIENCE):
                while (await jetstream.stream_info("AUTH")).state.messages < 2:
                    await asyncio.sleep(0.05)
            await auth.publish([true])
            await heard.has(1)
    finally:
        await auth.close()
        await client.close()

    assert heard.ids == [true.id]


@pytest.mark.parametrize(
    "filters",
    [
        {"filter_subject": "fp.auth.>"},
        {"filter_subjects": ["fp.auth.apikey.*", "fp.auth.user.created"]},
        {"filter_subject": "fp.auth.apikey.*", "filter_subjects": ["fp.auth.>"]},
        {},
    ],
)
async def test_a_consumer_reads_no_more_than_the_right_says(url, filters):
    """Its request may name what the right allows and ask in its body for more."""
    await provision(looker(url))

    made = await asked_for(url, {"name": "mine", **filters})

    assert "error" in made


async def test_a_consumer_of_another_is_not_changed_by_a_request_that_names_it_in_its_body(url, server):
    await provision(looker(url))
    jetstream = server.jetstream(timeout=PATIENCE)
    before = (await jetstream.consumer_info("AUTH", "notification")).config

    await asked_for(url, {"name": "notification", "durable_name": "notification", "filter_subject": "fp.auth.apikey.*"})

    assert (await jetstream.consumer_info("AUTH", "notification")).config == before


async def asked_for(url, config):
    """What the server answers to the request for a consumer, whose subject is one that the user has the right to."""
    client = await nats.connect(url, connect_timeout=int(PATIENCE), inbox_prefix="_INBOX_registry")
    subject = f"{API}.CONSUMER.CREATE.AUTH.mine.fp.auth.apikey.*"
    request = {"stream_name": "AUTH", "config": {"ack_policy": "none", "deliver_policy": "all", **config}}
    try:
        made = await client.request(subject, json.dumps(request).encode(), timeout=PATIENCE)
    finally:
        await client.close()
    return json.loads(made.data)


async def test_the_operator_makes_what_is_declared(url, server):
    await provision(looker(url))
    await provision(looker(url))

    jetstream = server.jetstream(timeout=PATIENCE)
    for stream in STREAMS:
        assert (await jetstream.stream_info(stream.name)).config.name == stream.name
    for consumer in CONSUMERS:
        for stream in consumer.streams:
            assert (await jetstream.consumer_info(stream.name, consumer.name)).name == consumer.name


async def test_streams_get_the_replicas_that_the_operator_asks_for(url):
    """Three of them one server alone cannot have."""
    program = (sys.executable, "-m", "fp_events.provisioning")
    environment = {**os.environ, "FP_NATS_URL": looker(url)}

    async def made(replicas):
        process = await asyncio.create_subprocess_exec(
            *program, env={**environment, "FP_NATS_REPLICAS": replicas}, stderr=asyncio.subprocess.PIPE
        )
        _, said = await process.communicate()
        return process.returncode, said.decode()

    code, said = await made("3")
    assert (code, "replicas" in said) == (1, True)
    assert await made("1") == (0, "")
