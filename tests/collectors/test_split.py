"""Key by key, or member by member: what is requested, all or nothing, and how the responses fit together."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from exporter.collectors.activity.activity_settings import ActivityFilters
from exporter.collectors.activity.split import MOST_AT_ONCE
from exporter.collectors.constants import UNATTRIBUTED
from exporter.errors import AttemptTimeout, DeadlineExceeded, InvalidResponse, PollError, StatusError
from tests.collectors.helpers import Polled, ago, at, row
from tests.collectors.split_api import SplitApi, hash_of, joined, label_of, poll_parts, split, use
from tests.collectors.split_api import collector as a_collector
from tests.support import NOON

E1 = ("acme/one", "Acme", "e1")
WORKSPACE = "123e4567-e89b-12d3-a456-426614174000"


def an_account(*owners: str, **more: Any) -> SplitApi:
    """Return an account in which each of these keys, or members, did the same yesterday."""
    return SplitApi([use(owner, ago(1)) for owner in owners], list(owners), **more)


def two_polls(api: SplitApi, change: Any, later: timedelta = timedelta(minutes=15)) -> Polled:
    """Return the second of two polls, between which something happens to the account."""
    splitting = a_collector()

    async def both() -> Polled:
        first = await poll_parts(api, splitting)
        change(api)
        return await poll_parts(api, splitting, now=NOON + later, memory=first.memory)

    return asyncio.run(both())


@pytest.mark.parametrize("split_by", ["api_key", "member"])
def test_one_request_for_each_part(split_by: str) -> None:
    """And two for the whole, before and after them."""
    api = an_account("k2", "k1")
    shown = split(api, split_by).shown
    assert api.activity == ["", "k1", "k2", ""]
    labels = [label_of("k1"), label_of("k2")] if split_by == "api_key" else ["k1", "k2"]
    assert shown["requests"] == {(*E1, label): 3.0 for label in labels}


@pytest.mark.parametrize(
    ("split_by", "filters", "listed"),
    [
        ("api_key", ActivityFilters(user_id="user_1"), ["/workspaces", "/keys"]),
        ("api_key", ActivityFilters(workspace_id=WORKSPACE), ["/keys"]),
        ("member", ActivityFilters(workspace_id=WORKSPACE), ["/organization/members"]),
        ("member", ActivityFilters(api_key_hash=hash_of("k1")), ["/organization/members"]),
    ],
)
def test_other_filters_are_those_of_each_request(split_by: str, filters: ActivityFilters, listed: list[str]) -> None:
    """Of one workspace only its own keys are listed."""
    api = SplitApi([], ["m1"])
    split(api, split_by, filters=filters)
    assert [request.path for request in api.requests if request.path != "/activity"] == listed
    named = {name: value for name in ActivityFilters.__slots__ if (value := getattr(filters, name)) is not None}
    sent = [request.parameters for request in api.requests if request.path == "/activity"]
    part = {"api_key_hash": hash_of("m1")} if split_by == "api_key" else {"user_id": "m1"}
    assert sent == [named, named | part, named]
    keys = [request.parameters.get("workspace_id") for request in api.requests if request.path == "/keys"]
    assert keys == ([filters.workspace_id or "w1"] if split_by == "api_key" else [])


def test_keys_that_were_not_used_for_long_cost_no_request() -> None:
    """If the API reports when; all others are requested."""
    api = an_account("long-ago", "lately", "unknown")
    api.listed = {
        "long-ago": {"last_used_at": "2026-07-20T00:00:00Z"},
        "lately": {"last_used_at": "2026-07-24T00:00:00Z"},
        "unknown": {"last_used_at": None},
    }
    split(api)
    assert api.activity == ["", "lately", "unknown", ""]


def test_a_few_keys_are_requested_at_once() -> None:
    """Neither one after the other nor all together."""
    api = an_account(*(f"k{number:02}" for number in range(30)))
    split(api)
    assert api.most_at_once == MOST_AT_ONCE
    assert api.activity == ["", *api.keys, ""]


@pytest.mark.parametrize(
    "error",
    [
        StatusError(500, "HTTP 500: Internal Server Error"),
        StatusError(403, "HTTP 403: Only management keys can perform this operation"),
        AttemptTimeout("no whole answer within 30 s"),
        InvalidResponse("the body ended early"),
    ],
)
def test_one_failed_request_fails_the_poll(error: Any) -> None:
    """A part that is missing would read as a part without use."""
    api = an_account(*(f"k{number}" for number in range(9)), broken={"k4": error})
    with pytest.raises(type(error)) as caught:
        split(api)
    assert caught.value is error
    assert "k9" not in api.activity


def test_nothing_goes_on_after_a_failure() -> None:
    """Requests under way are broken off."""
    api = an_account(*(f"k{number}" for number in range(9)), broken={"k0": StatusError(500, "HTTP 500: no")})

    async def failing() -> int:
        with pytest.raises(StatusError):
            await poll_parts(api, a_collector())
        return len(asyncio.all_tasks())

    assert asyncio.run(failing()) == 1


def test_an_invalid_response_fails_the_poll() -> None:
    """It counts as an invalid response."""
    api = an_account("k1", "k2")
    whole = api.respond
    api.respond = lambda request: replace(whole(request), chunks=(b"{",)) if request.parameters else whole(request)  # type: ignore[method-assign]
    with pytest.raises(InvalidResponse):
        split(api, filters=ActivityFilters(user_id="k1"))


def test_a_key_deleted_before_its_request() -> None:
    """Its use is unattributed; the others' is theirs."""
    shown = split(an_account("k1", "k2", not_found={"k2"})).shown
    assert shown["requests"] == {(*E1, label_of("k1")): 3.0, (*E1, UNATTRIBUTED): 3.0}


def test_members_need_an_organization() -> None:
    """The failure says so."""
    with pytest.raises(PollError, match=r"HTTP 404.*split_by: member needs the account of an organization"):
        split(an_account("m1", organization=False), "member")


def test_more_keys_than_a_poll_has_time_for() -> None:
    """No request for any of them is made: the failure names the numbers and both settings."""
    api = an_account(*(f"k{number:03}" for number in range(500)), requests_per_minute=60)
    with pytest.raises(DeadlineExceeded) as caught:
        split(api)
    assert str(caught.value) == (
        "500 keys cannot be read within one poll: 502 requests take 8m at the account's rate limit "
        "(upstream.requests_per_minute), but 5m remain until the poll deadline "
        "(upstream.retries.backoff.max_elapsed_time); raise one of them, or narrow collectors.activity.filters"
    )
    assert api.activity == []


def test_requests_of_others_may_take_the_time_away() -> None:
    """The limit is shared by all collectors of an account: the failure says how far it came."""
    api = an_account(*(f"k{number:03}" for number in range(200)), requests_per_minute=60)
    whole = api.respond

    def respond(request: Any) -> Any:
        if len(api.requests) >= 100:
            for _ in range(200):
                try:
                    api.limit.take(1000.0, 1300.0)
                except DeadlineExceeded:
                    break
        return whole(request)

    api.respond = respond  # type: ignore[method-assign]
    with pytest.raises(DeadlineExceeded, match=r"upstream.requests_per_minute\); \d+ of 200 keys were read"):
        split(api)


def test_rows_that_change_between_the_requests_for_parts() -> None:
    """The parts may be of before or after the change: none of it is shown."""
    before, after = [row(requests=6)], [row(requests=7)]
    api = an_account("k1", "k2", wholes=[before, after])
    with pytest.raises(PollError, match="1 rows changed while the parts of the split were read"):
        split(api)


def test_another_order_of_the_rows_is_no_change() -> None:
    """The whole is compared by its numbers where its bytes differ."""
    world = [use(owner, ago(1), endpoint) for owner in ("k1", "gone") for endpoint in ("e1", "e2")]
    rows = joined(world)
    shown = split(SplitApi(world, ["k1"], wholes=[rows, rows[::-1]])).shown
    assert len(shown["requests"]) == 4


def test_a_day_that_has_not_settled_may_change_meanwhile() -> None:
    """It is not shown yet, and grows."""
    early = at("2026-08-23 00:10:00")
    wholes = [[row(ago(2)), row(ago(1), requests=number)] for number in (1, 2)]
    polled = split(SplitApi([use("k1", ago(2))], ["k1"], wholes=wholes), now=early)
    assert str(polled.collected.summary.day) == "2026-08-21"


def test_unchanged_responses_publish_nothing() -> None:
    """All of them: the parts' and the whole's."""
    assert two_polls(an_account("k1", "k2"), lambda _: None).collected.snapshot is None


@pytest.mark.parametrize("name", ["owner of a row", "list of keys", "day"])
def test_any_changed_response_publishes(name: str) -> None:
    """The whole is the same, but not whose it is."""

    def change(api: SplitApi) -> None:
        if name == "owner of a row":
            api.uses = [api.uses[0] | {"owner": "k2"}, *api.uses[1:]]
        elif name == "list of keys":
            api.keys = ["k1"]

    later = timedelta(days=1) if name == "day" else timedelta(minutes=15)
    assert two_polls(an_account("k1", "k2"), change, later).collected.snapshot is not None


def test_rejected_rows_of_all_responses_count() -> None:
    """Once in the part and once in the whole; they are in no sum, and lose no other row."""
    bad = use("k1", ago(1), "bad", model="", model_permaslug=None)
    polled = split(SplitApi([use("k1", ago(1)), bad], ["k1"]))
    assert polled.rejected == {"missing_model": 2}
    assert polled.shown["requests"] == {(*E1, label_of("k1")): 3.0}


def test_the_earliest_clock_decides() -> None:
    """The responses span midnight: the day is the one that was over when the first of them was made."""
    world = [use("k1", ago(1)), use("k1", ago(2))]
    api = SplitApi(world, ["k1"])
    clocks = iter([datetime(2026, 8, 22, 23, 59, 58, tzinfo=UTC), *[datetime(2026, 8, 23, 0, 0, 2, tzinfo=UTC)] * 2])
    whole = api.respond

    def respond(request: Any) -> Any:
        result = whole(request)
        return replace(result, date=next(clocks)) if request.path == "/activity" else result

    api.respond = respond  # type: ignore[method-assign]
    shown = split(api, now=at("2026-08-23 00:40:00"))
    assert str(shown.collected.summary.day) == "2026-08-21"
    assert "30d_requests" not in shown.shown


def test_members_have_names_in_a_family_of_their_own() -> None:
    """Not in the usage series; an e-mail address only where it is requested by name."""
    ada = {"first_name": "Ada", "last_name": "Byron", "email": "ada@example.com", "role": "org:admin"}
    api = an_account("m1", "m2", listed={"m1": ada})
    by_default = split(api, "member").collected.snapshot
    assert by_default is not None
    assert "@" not in repr([list(family.label_sets.samples) for family in by_default.families])
    named = {labels: members(api, labels) for labels in [(), ("name",), ("email", "role")]}
    assert named == {
        (): None,
        ("name",): {("m1", "Ada Byron"), ("m2", ""), ("unattributed", "unattributed")},
        ("email", "role"): {("m1", "ada@example.com", "org:admin"), ("m2", "", ""), ("unattributed", "", "")},
    }


def members(api: SplitApi, labels: tuple[str, ...]) -> set[tuple[str, ...]] | None:
    shown = split(api, "member", member_labels=labels).shown
    assert "Ada" not in repr(shown["requests"])
    result = shown.get("openrouter_member_info")
    return None if result is None else set(result)


@pytest.mark.parametrize("split_by", ["none", "workspace", "api_key"])
def test_members_are_named_only_where_use_is_split_by_them(split_by: str) -> None:
    """People are not configured."""
    names = [declaration.name for declaration in a_collector(split_by).declarations()]
    assert "openrouter_member_info" not in names


def test_another_split_is_another_collection() -> None:
    """A reload that changes it begins anew: series of two splits would be added up twice."""
    identities = {a_collector(split_by).identity for split_by in ("none", "workspace", "api_key", "member")}
    identities.add(a_collector("member", member_labels=("email",)).identity)
    assert len(identities) == 5


@pytest.mark.parametrize(("split_by", "label"), [("api_key", "key"), ("member", "user_id")])
def test_what_is_published_was_declared(split_by: str, label: str) -> None:
    """Each family, in that order, with those labels."""
    collector = a_collector(split_by)
    snapshot = split(an_account("k1"), split_by).collected.snapshot
    assert snapshot is not None
    assert tuple(family.metric for family in snapshot.families) == collector.declarations()
    assert collector.declarations()[0].labels == ("account", "model", "provider", "endpoint_id", label)
