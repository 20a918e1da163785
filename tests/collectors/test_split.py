"""Usage by key or by member: which requests are sent, that they succeed or fail together, and how responses fit."""

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
from tests.collectors.split_api import collector as split_collector
from tests.support import NOON

E1 = ("acme/one", "Acme", "e1")
WORKSPACE = "123e4567-e89b-12d3-a456-426614174000"


def account_of(*owners: str, **more: Any) -> SplitApi:
    """Return an account in which each of these keys, or members, had the same usage yesterday."""
    return SplitApi([use(owner, ago(1)) for owner in owners], list(owners), **more)


def two_polls(api: SplitApi, change: Any, later: timedelta = timedelta(minutes=15)) -> Polled:
    """Return the second of two polls, with a change to the account between them."""
    splitting = split_collector()

    async def both() -> Polled:
        first = await poll_parts(api, splitting)
        change(api)
        return await poll_parts(api, splitting, now=NOON + later, memory=first.memory)

    return asyncio.run(both())


@pytest.mark.parametrize("split_by", ["api_key", "member"])
def test_each_key_or_member_has_one_request_between_two_for_the_total(split_by: str) -> None:
    api = account_of("k2", "k1")
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
def test_configured_filters_are_sent_with_each_request(
    split_by: str, filters: ActivityFilters, listed: list[str]
) -> None:
    """For one workspace, only its own keys are listed."""
    api = SplitApi([], ["m1"])
    split(api, split_by, filters=filters)
    assert [request.path for request in api.requests if request.path != "/activity"] == listed
    named = {name: value for name in ActivityFilters.__slots__ if (value := getattr(filters, name)) is not None}
    sent = [request.parameters for request in api.requests if request.path == "/activity"]
    part = {"api_key_hash": hash_of("m1")} if split_by == "api_key" else {"user_id": "m1"}
    assert sent == [named, named | part, named]
    keys = [request.parameters.get("workspace_id") for request in api.requests if request.path == "/keys"]
    assert keys == ([filters.workspace_id or "w1"] if split_by == "api_key" else [])


def test_keys_not_used_for_long_are_not_requested() -> None:
    """Keys without a last_used_at are."""
    api = account_of("long-ago", "lately", "unknown")
    api.listed = {
        "long-ago": {"last_used_at": "2026-07-20T00:00:00Z"},
        "lately": {"last_used_at": "2026-07-24T00:00:00Z"},
        "unknown": {"last_used_at": None},
    }
    split(api)
    assert api.activity == ["", "lately", "unknown", ""]


def test_concurrent_requests_are_limited() -> None:
    api = account_of(*(f"k{number:02}" for number in range(30)))
    split(api)
    assert api.most_at_once == MOST_AT_ONCE
    assert api.activity == ["", *api.keys, ""]


@pytest.mark.parametrize(
    "error",
    [
        StatusError(500, "HTTP 500: Internal Server Error"),
        StatusError(403, "HTTP 403: Only management keys can perform this operation"),
        AttemptTimeout("no complete response within 30 s"),
        InvalidResponse("the body ended early"),
    ],
)
def test_one_failed_request_fails_the_poll(error: Any) -> None:
    """A missing part would look like a key without usage."""
    api = account_of(*(f"k{number}" for number in range(9)), broken={"k4": error})
    with pytest.raises(type(error)) as caught:
        split(api)
    assert caught.value is error
    assert "k9" not in api.activity


def test_failed_request_cancels_the_others() -> None:
    api = account_of(*(f"k{number}" for number in range(9)), broken={"k0": StatusError(500, "HTTP 500: no")})

    async def failing() -> int:
        with pytest.raises(StatusError):
            await poll_parts(api, split_collector())
        return len(asyncio.all_tasks())

    assert asyncio.run(failing()) == 1


def test_invalid_response_fails_the_poll() -> None:
    api = account_of("k1", "k2")
    whole = api.respond
    api.respond = lambda request: replace(whole(request), chunks=(b"{",)) if request.parameters else whole(request)  # type: ignore[method-assign]
    with pytest.raises(InvalidResponse):
        split(api, filters=ActivityFilters(user_id="k1"))


def test_usage_of_a_key_deleted_meanwhile_is_unattributed() -> None:
    shown = split(account_of("k1", "k2", not_found={"k2"})).shown
    assert shown["requests"] == {(*E1, label_of("k1")): 3.0, (*E1, UNATTRIBUTED): 3.0}


def test_split_by_member_without_an_organization_fails_with_a_hint() -> None:
    with pytest.raises(PollError, match=r"HTTP 404.*split_by: member needs the account of an organization"):
        split(account_of("m1", organization=False), "member")


def test_more_keys_than_a_poll_has_time_for_fail_before_the_first_request() -> None:
    """The error contains the numbers and both settings."""
    api = account_of(*(f"k{number:03}" for number in range(500)), requests_per_minute=60)
    with pytest.raises(DeadlineExceeded) as caught:
        split(api)
    assert str(caught.value) == (
        "500 keys cannot be read within one poll: 502 requests take 8m at the account's rate limit "
        "(upstream.requests_per_minute), but 5m remain until the poll deadline "
        "(upstream.retries.backoff.max_elapsed_time); raise one of them, or narrow collectors.activity.filters"
    )
    assert api.activity == []


def test_error_contains_the_keys_read_if_other_requests_use_up_the_rate_limit() -> None:
    """All collectors of an account share the limit."""
    api = account_of(*(f"k{number:03}" for number in range(200)), requests_per_minute=60)
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


def test_rows_that_change_while_parts_are_read_fail_the_poll() -> None:
    """A part may be from before or after the change."""
    before, after = [row(requests=6)], [row(requests=7)]
    api = account_of("k1", "k2", wholes=[before, after])
    with pytest.raises(PollError, match="1 rows changed while the parts of the split were read"):
        split(api)


def test_different_order_of_rows_is_not_a_change() -> None:
    uses = [use(owner, ago(1), endpoint) for owner in ("k1", "gone") for endpoint in ("e1", "e2")]
    rows = joined(uses)
    shown = split(SplitApi(uses, ["k1"], wholes=[rows, rows[::-1]])).shown
    assert len(shown["requests"]) == 4


def test_day_that_has_not_settled_may_change_while_parts_are_read() -> None:
    """It is not published yet."""
    early = at("2026-08-23 00:10:00")
    wholes = [[row(ago(2)), row(ago(1), requests=number)] for number in (1, 2)]
    polled = split(SplitApi([use("k1", ago(2))], ["k1"], wholes=wholes), now=early)
    assert str(polled.collected.summary.day) == "2026-08-21"


def test_unchanged_responses_publish_nothing() -> None:
    assert two_polls(account_of("k1", "k2"), lambda _: None).collected.snapshot is None


@pytest.mark.parametrize("name", ["owner of a row", "list of keys", "day"])
def test_change_in_any_part_is_published(name: str) -> None:
    """The total may be the same while owners changed."""

    def change(api: SplitApi) -> None:
        if name == "owner of a row":
            api.uses = [api.uses[0] | {"owner": "k2"}, *api.uses[1:]]
        elif name == "list of keys":
            api.keys = ["k1"]

    later = timedelta(days=1) if name == "day" else timedelta(minutes=15)
    assert two_polls(account_of("k1", "k2"), change, later).collected.snapshot is not None


def test_rejected_rows_of_parts_and_total_are_counted() -> None:
    bad = use("k1", ago(1), "bad", model="", model_permaslug=None)
    polled = split(SplitApi([use("k1", ago(1)), bad], ["k1"]))
    assert polled.rejected == {"missing_model": 2}
    assert polled.shown["requests"] == {(*E1, label_of("k1")): 3.0}


def test_earliest_date_header_decides_the_day() -> None:
    """Responses may span midnight."""
    uses = [use("k1", ago(1)), use("k1", ago(2))]
    api = SplitApi(uses, ["k1"])
    clocks = iter([datetime(2026, 8, 22, 23, 59, 58, tzinfo=UTC), *[datetime(2026, 8, 23, 0, 0, 2, tzinfo=UTC)] * 2])
    whole = api.respond

    def respond(request: Any) -> Any:
        result = whole(request)
        return replace(result, date=next(clocks)) if request.path == "/activity" else result

    api.respond = respond  # type: ignore[method-assign]
    shown = split(api, now=at("2026-08-23 00:40:00"))
    assert str(shown.collected.summary.day) == "2026-08-21"
    assert "30d_requests" not in shown.shown


def test_names_of_members_are_in_their_own_family() -> None:
    """The e-mail address is only published if it is configured."""
    ada = {"first_name": "Ada", "last_name": "Byron", "email": "ada@example.com", "role": "org:admin"}
    api = account_of("m1", "m2", listed={"m1": ada})
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
def test_member_family_exists_only_for_split_by_member(split_by: str) -> None:
    names = [declaration.name for declaration in split_collector(split_by).declarations()]
    assert "openrouter_member_info" not in names


def test_split_is_part_of_the_collectors_identity() -> None:
    """After a reload, series of two splits must not be summed."""
    identities = {split_collector(split_by).identity for split_by in ("none", "workspace", "api_key", "member")}
    identities.add(split_collector("member", member_labels=("email",)).identity)
    assert len(identities) == 5


@pytest.mark.parametrize(("split_by", "label"), [("api_key", "key"), ("member", "user_id")])
def test_published_families_are_the_declared_ones_in_order(split_by: str, label: str) -> None:
    collector = split_collector(split_by)
    snapshot = split(account_of("k1"), split_by).collected.snapshot
    assert snapshot is not None
    assert tuple(family.metric for family in snapshot.families) == collector.declarations()
    assert collector.declarations()[0].labels == ("account", "model", "provider", "endpoint_id", label)
