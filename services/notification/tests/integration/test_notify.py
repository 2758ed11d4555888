from fp_kernel import new_id
from fp_notification.app.mark_read import UpTo
from fp_notification.domain.severity import Severity


async def test_members_hear_of_what_concerns_their_team(desk, facts):
    await desk.join("ann", "bob")
    await desk.join("eve", team="beta")
    assert await desk.notify([facts()]) == 2
    (mine,) = await desk.feed("ann")
    assert (mine.title, mine.severity, mine.resource_id) == ("models: drift detected", Severity.WARNING, "m1")
    assert len(await desk.feed("bob")) == 1
    assert await desk.feed("eve", team="beta") == []


async def test_an_event_that_comes_twice_is_told_once(desk, facts):
    await desk.join("ann")
    event = facts()
    assert [await desk.notify([event]), await desk.notify([event, facts()]), await desk.notify([event])] == [1, 1, 0]
    assert len(await desk.feed()) == 2
    assert await desk.events() == [], "a row that is shown to a member is no news to others"


async def test_two_replicas_that_get_the_same_batch_tell_it_once(desk, new_desk, facts, gathered):
    await desk.join("ann", "bob")
    batch = [facts(resource_id=f"m{number}") for number in range(20)]
    notified = await gathered(desk.notify(batch), new_desk(desk.database).notify(batch[::-1]), desk.notify(batch[5:]))
    assert sum(notified) == 40
    assert len(await desk.feed("ann")) == 20


async def test_what_concerns_nobody_leaves_no_trace(desk, facts):
    await desk.join("ann")
    noise = [facts("fp.billing.usage.recorded", Severity.INFO) for _ in range(100)]
    assert await desk.notify(noise) == 0
    assert await desk.database.fetchval("SELECT count(*) FROM fp_inbox") == 0


async def test_an_event_of_no_team_is_told_to_nobody(desk, facts):
    await desk.join("ann")
    assert await desk.notify([facts(team="")]) == 0


async def test_a_member_who_is_told_of_again_keeps_what_he_chose(desk, facts, in_app):
    await desk.prefer(in_app(Severity.CRITICAL))
    await desk.join("ann")
    assert await desk.notify([facts()]) == 0


async def test_mutes_and_rules_of_the_team_meet(desk, facts, in_app, people):
    await desk.prefer(in_app(), mutes=["fp.models.>"])
    await desk.join("bob")
    await desk.rule("fp.models.>", in_app=True)
    await desk.notify([facts(severity=Severity.INFO)])
    assert (len(await desk.feed("ann")), len(await desk.feed("bob"))) == (0, 1)


async def test_the_feed_filters_and_counts(desk, facts, in_app):
    await desk.prefer(in_app())
    await desk.notify([facts(severity=Severity.INFO), facts("fp.pipelines.failed", Severity.ERROR)])
    (error,) = await desk.feed(min_severity=Severity.ERROR)
    assert [each.id for each in await desk.feed(event_type="fp.pipelines.*")] == [error.id]
    assert await desk.feed(event_type="fp.pipelines") == []
    assert await desk.reads.unread("alpha", "ann") == 2


async def test_marking_counts_what_was_unread_and_touches_nobody_else(desk, facts, people, command):
    ann, _ = people
    await desk.join("ann", "bob")
    await desk.notify([facts(), facts(), facts()])
    theirs = (await desk.feed("bob"))[0].id
    mine = (await desk.feed("ann"))[0].id
    none = command("")
    first = await desk.mark_read(ann, {mine, theirs, new_id()}, none)
    assert (first.marked, first.unread) == (1, 2)
    assert (await desk.mark_read(ann, {mine}, none)).marked == 0
    assert len(await desk.feed(unread_only=True)) == 2
    everything = await desk.mark_read(ann, UpTo(), none)
    assert (everything.marked, everything.unread) == (2, 0)
    assert await desk.reads.unread("alpha", "bob") == 3


async def test_marking_all_leaves_unread_what_came_after_the_newest_that_was_seen(desk, facts, people, command):
    await desk.join("ann")
    await desk.notify([facts(), facts()])
    seen = (await desk.feed())[0].id
    await desk.notify([facts()])
    marked = await desk.mark_read(people[0], UpTo(seen), command(""))
    assert (marked.marked, marked.unread) == (2, 1)


async def test_old_notifications_are_forgotten_with_their_log(desk, facts):
    await desk.join("ann")
    await desk.notify([facts()])
    assert await desk.retain(days=1) == 0
    assert await desk.retain(days=-1) == 1
    assert (await desk.feed(), await desk.log()) == ([], [])
