"""Whole lists, all or nothing, while keys come and go."""

from __future__ import annotations

from typing import Any

import pytest

from exporter.api.client import Request
from exporter.api.organization_rows import KeyRow
from exporter.collectors import paging
from exporter.errors import InvalidResponse, ListChanged, StatusError
from tests.collectors.balances import WORKSPACE, FakeApi, account, counted, digest, key, pages, poll_of
from tests.support import finished


def listed(api: FakeApi, **options: Any) -> list[KeyRow]:
    return finished(paging.keys(poll_of(api), **options))


def names(rows: list[KeyRow]) -> list[str | None]:
    return [row.name for row in rows]


@pytest.mark.parametrize("number", [0, 1, 99, 100, 101, 198, 199, 200, 250])
def test_all_pages_are_read(number: int) -> None:
    """Whatever the size of the last page."""
    rows = [key(number) for number in range(number)]
    assert [str(number) for number in range(number)] == names(listed(account(pages(rows))))


def test_pages_overlap_by_one_row() -> None:
    """So a hundred rows take a second page, which shows that nothing was skipped."""
    api = account(pages([key(number) for number in range(100)]))
    listed(api)
    assert [request.parameters["offset"] for request in api.requests] == ["0", "0", "99"]


def test_the_keys_of_every_workspace_are_read() -> None:
    """The API lists one workspace at a time."""
    by_workspace = {"w1": [key("a")], "w2": [key("b", workspace_id="w2"), key("c", workspace_id="w2")]}
    workspaces = counted([WORKSPACE, {"id": "w2", "name": "Second"}])
    api = account(lambda request: {"data": by_workspace[request.parameters["workspace_id"]]}, workspaces)
    assert names(listed(api)) == ["a", "b", "c"]


def test_disabled_and_expired_keys_are_requested() -> None:
    """Filters are the API's own."""
    api = account(pages([]))
    listed(api, include_disabled=False)
    wanted = {"include_disabled": "false", "include_expired": "true", "workspace_id": "w1", "offset": "0"}
    assert api.requests[-1].parameters == wanted


def test_an_empty_list_of_workspaces_fails() -> None:
    """Every account has a default workspace, and the keys of the others would be missing."""
    api = account(pages([key("a")]), counted([]))
    with pytest.raises(InvalidResponse, match="every account has a default workspace"):
        listed(api)
    assert (["/workspaces"], 1) == (api.paths, len(api.failures))


@pytest.mark.parametrize("status", [403, 404])
def test_keys_of_the_default_workspace_need_no_list_of_workspaces(status: int) -> None:
    """The API returns them to a request without a workspace."""
    api = account(pages([key("a")]), lambda _: StatusError(status, "no"))
    assert names(listed(api)) == ["a"]
    assert "workspace_id" not in api.requests[-1].parameters


def test_other_failures_of_the_list_of_workspaces_fail() -> None:
    """The keys of the default workspace alone would pass for all."""
    api = account(pages([key("a")]), lambda _: StatusError(500, "no"))
    with pytest.raises(StatusError):
        listed(api)
    assert api.paths == ["/workspaces"]


def test_a_key_that_moved_between_workspaces_counts_once() -> None:
    """It is in both lists if it moves between the two questions."""
    workspaces = counted([WORKSPACE, {"id": "w2", "name": "Second"}])
    assert names(listed(account(pages([key("a")]), workspaces))) == ["a"]


def changing(*lists: list[dict[str, Any]]) -> FakeApi:
    """Return an API in which each question for a page finds another list."""
    left = list(lists)

    def reply(request: Request) -> Any:
        rows = left.pop(0) if len(left) > 1 else left[0]
        return pages(rows)(request)

    return account(reply)


def test_a_new_key_makes_rows_show_twice() -> None:
    """They count once, and none is missing."""
    rows = [key(number) for number in range(150)]
    assert names(listed(changing(rows, [key("new"), *rows]))) == ["new", *(str(number) for number in range(150))]


def test_a_key_that_moves_to_a_page_already_read_is_not_lost() -> None:
    """It is on no page of the first reading: the rows that it made shift tell that the list must be read again."""
    rows = [key(number) for number in range(150)]
    moved = [rows[120], *rows[:120], *rows[121:]]
    assert {str(number) for number in range(150)} == set(names(listed(changing(rows, moved))))


def test_a_list_that_always_grows_is_read_a_few_times_and_believed() -> None:
    """No row can be missing from all readings."""
    rows = [key(number) for number in range(153)]
    result = names(listed(changing(rows[3:], rows[2:], rows[2:], rows[1:], rows[1:], rows)))
    assert {str(number) for number in range(1, 153)} <= set(result)


@pytest.mark.parametrize(
    "more", [{"has_more": True}, {"next_cursor": "x"}, {"links": {"next": "/keys?offset=1"}}, {"truncated": True}]
)
def test_pages_that_announce_more_rows_are_followed(more: dict[str, Any]) -> None:
    """Whatever their size."""
    rows = [key(number) for number in range(5)]

    def reply(request: Request) -> Any:
        offset = int(request.parameters["offset"])
        return {"data": rows[offset : offset + 2]} | (more if offset + 2 < len(rows) else {})

    assert [str(number) for number in range(5)] == names(listed(account(reply)))


def test_a_page_that_announces_more_rows_than_come_fails() -> None:
    """Something is missing."""
    with pytest.raises(ListChanged):
        listed(account(lambda _: {"data": [key("a")], "has_more": True}))


def test_a_deleted_key_makes_the_next_page_skip_one() -> None:
    """The list is read anew."""
    rows = [key(number) for number in range(150)]
    api = changing(rows, rows[1:])
    assert names(listed(api)) == [str(number) for number in range(1, 150)]
    assert [request.parameters["offset"] for request in api.requests[1:]] == ["0", "99", "0", "99"]


def test_a_list_that_never_holds_still_fails() -> None:
    """After a few beginnings; nothing is published then."""
    rows = [key(number) for number in range(200)]
    api = changing(rows, rows[1:], rows, rows[1:], rows, rows[1:])
    with pytest.raises(ListChanged, match="the list of keys changed while it was read, 3 times over") as caught:
        listed(api)
    assert caught.value.reason == "list_changed"


def test_a_server_that_ignores_the_offset_comes_to_an_end() -> None:
    """A full page again and again is no list."""
    rows = [key(number) for number in range(100)]
    api = account(lambda _: {"data": rows})
    with pytest.raises(ListChanged):
        listed(api)
    assert len(api.requests) == 1 + 2 * paging.MOST_BEGINNINGS


def test_a_list_without_an_end_comes_to_an_end() -> None:
    """There are no more pages than anybody has keys. The rows have only a hash, because there are 100,000."""

    def reply(request: Request) -> Any:
        offset = int(request.parameters["offset"])
        return {"data": [{"hash": f"{number:064x}"} for number in range(offset, offset + 100)]}

    with pytest.raises(InvalidResponse, match="has more than 1000 pages"):
        listed(account(reply))


def test_a_page_that_fails_midway_fails_all() -> None:
    """All or nothing."""
    rows = [key(number) for number in range(250)]

    def reply(request: Request) -> Any:
        return StatusError(500, "no") if request.parameters["offset"] == "198" else pages(rows)(request)

    with pytest.raises(StatusError):
        listed(account(reply))


def test_a_page_size_that_is_not_the_documented_one_shows_where_the_api_counts() -> None:
    """Fifty at a time of a hundred and twenty workspaces."""
    workspaces = [{"id": f"w{number}", "name": ""} for number in range(120)]
    result = finished(paging.workspaces(poll_of(FakeApi({"/workspaces": counted(workspaces, size=50)}))))
    assert [listed_row.id for listed_row in result] == [f"w{number}" for number in range(120)]


@pytest.mark.parametrize("count", [100, 0, -1, 130])
def test_a_count_that_is_too_low_hides_no_row(count: int) -> None:
    """Such as that of one page: a full one is not the last because of it."""
    rows = [key(number) for number in range(250)]
    api = account(lambda request: pages(rows)(request) | {"total_count": count})
    assert [str(number) for number in range(250)] == names(listed(api))


def test_pages_of_another_order_hide_no_row() -> None:
    """The row that pages share is among those known, but not behind them: some of the list was never shown."""
    rows = [key(number) for number in range(150)]
    with pytest.raises(ListChanged):
        listed(changing(rows, rows[::-1], rows, rows[::-1], rows, rows[::-1]))


def test_fewer_rows_than_the_api_counts_fail() -> None:
    """Something is missing, and no one knows what."""
    reply = {"data": [WORKSPACE], "total_count": 2}
    with pytest.raises(ListChanged):
        finished(paging.workspaces(poll_of(FakeApi({"/workspaces": lambda _: reply}))))


def test_members_have_names() -> None:
    """Roles and fields that are not known are no reason to fail."""
    rows = [{"id": "user_1", "email": "a@example.com", "first_name": None, "last_name": "A", "role": "org:new", "x": 1}]
    result = finished(paging.members(poll_of(FakeApi({"/organization/members": counted(rows)}))))
    assert [(listed_row.id, listed_row.email, listed_row.first_name, listed_row.role) for listed_row in result] == [
        ("user_1", "a@example.com", None, "org:new")
    ]


def test_an_account_that_is_no_organization_has_no_members() -> None:
    """The API says 404, and so does the poll."""
    with pytest.raises(StatusError):
        finished(paging.members(poll_of(FakeApi({"/organization/members": lambda _: StatusError(404, "none")}))))


def test_a_workspace_with_an_unreadable_name_has_none() -> None:
    """Its keys stay, and the field is counted."""
    poll = poll_of(FakeApi({"/workspaces": lambda _: {"data": [{"id": "w", "name": 5}]}}))
    assert [("w", "")] == [(workspace.id, workspace.name) for workspace in finished(paging.workspaces(poll))]
    assert {"name": 1} == dict(poll.rejections.unreadable)


@pytest.mark.parametrize("row", [None, {}, {"id": None}, {"id": 5}])
def test_a_workspace_that_can_not_be_read_fails(row: object) -> None:
    """Its keys would be missing."""
    with pytest.raises(InvalidResponse, match="expected a workspace"):
        finished(paging.workspaces(poll_of(FakeApi({"/workspaces": lambda _: {"data": [row]}}))))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a list of keys: not JSON"),
        (b'{"data":[{"hash":"', "not a list of keys: not JSON"),
        (b"[]", "expected an object with data, got list"),
        (b'{"data":{}}', "expected data to be a list"),
        (b"{}", "expected data to be a list"),
        (b'{"error":{"message":"boom","code":500}}', "an error with status 200: boom"),
        (b'{"error":{"message":"boom"},"data":[]}', "an error with status 200: boom"),
        (b'{"error":"boom","data":[]}', "an error with status 200: boom"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_a_body_that_is_no_list_fails(content: bytes, message: str) -> None:
    """And counts as an invalid response."""
    api = account(lambda _: content)
    with pytest.raises(InvalidResponse, match=message):
        listed(api)
    assert len(api.failures) == 1


def test_labels_are_the_first_twelve_digits() -> None:
    """Short, and stable."""
    assert paging.key_labels([digest("a")]) == {digest("a"): digest("a")[:12]}


def test_labels_that_begin_alike_are_lengthened() -> None:
    """Two keys are never one."""
    one, two, other = "a" * 12 + "1" * 52, "a" * 12 + "2" * 52, digest("other")
    assert paging.key_labels([one, other, two, one]) == {one: one, two: two, other: other[:12]}
