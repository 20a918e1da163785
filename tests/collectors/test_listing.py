"""Lists in pages are read completely or fail, even while keys are created and deleted."""

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
    """The last page may have any size."""
    rows = [key(number) for number in range(number)]
    assert [str(number) for number in range(number)] == names(listed(account(pages(rows))))


def test_pages_overlap_by_one_row() -> None:
    """The shared row shows that nothing was skipped, so 100 rows need a second page."""
    api = account(pages([key(number) for number in range(100)]))
    listed(api)
    assert [request.parameters["offset"] for request in api.requests] == ["0", "0", "99"]


def test_keys_of_every_workspace_are_read() -> None:
    """The API lists the keys of one workspace at a time."""
    by_workspace = {"w1": [key("a")], "w2": [key("b", workspace_id="w2"), key("c", workspace_id="w2")]}
    workspaces = counted([WORKSPACE, {"id": "w2", "name": "Second"}])
    api = account(lambda request: {"data": by_workspace[request.parameters["workspace_id"]]}, workspaces)
    assert names(listed(api)) == ["a", "b", "c"]


def test_disabled_and_expired_keys_are_filtered_by_the_api() -> None:
    api = account(pages([]))
    listed(api, include_disabled=False)
    expected = {"include_disabled": "false", "include_expired": "true", "workspace_id": "w1", "offset": "0"}
    assert api.requests[-1].parameters == expected


def test_empty_list_of_workspaces_fails() -> None:
    """Every account has a default workspace, and the keys of all workspaces would be missing."""
    api = account(pages([key("a")]), counted([]))
    with pytest.raises(InvalidResponse, match="every account has a default workspace"):
        listed(api)
    assert (["/workspaces"], 1) == (api.paths, len(api.failures))


@pytest.mark.parametrize("status", [403, 404])
def test_keys_of_the_default_workspace_are_read_if_workspaces_are_not_available(status: int) -> None:
    """The API returns them without a workspace_id."""
    api = account(pages([key("a")]), lambda _: StatusError(status, "no"))
    assert names(listed(api)) == ["a"]
    assert "workspace_id" not in api.requests[-1].parameters


def test_failed_list_of_workspaces_fails() -> None:
    """The keys of the default workspace would look like all keys."""
    api = account(pages([key("a")]), lambda _: StatusError(500, "no"))
    with pytest.raises(StatusError):
        listed(api)
    assert api.paths == ["/workspaces"]


def test_key_that_moves_between_workspaces_counts_once() -> None:
    """It is in both lists if it moves between the two requests."""
    workspaces = counted([WORKSPACE, {"id": "w2", "name": "Second"}])
    assert names(listed(account(pages([key("a")]), workspaces))) == ["a"]


def changing(*lists: list[dict[str, Any]]) -> FakeApi:
    """Return an API that serves each request from the next of these lists."""
    left = list(lists)

    def reply(request: Request) -> Any:
        rows = left.pop(0) if len(left) > 1 else left[0]
        return pages(rows)(request)

    return account(reply)


def test_rows_repeated_because_of_a_new_key_count_once() -> None:
    rows = [key(number) for number in range(150)]
    assert names(listed(changing(rows, [key("new"), *rows]))) == ["new", *(str(number) for number in range(150))]


def test_key_that_moves_to_a_page_already_read_is_not_lost() -> None:
    """The rows that it shifts show that the list must be read again."""
    rows = [key(number) for number in range(150)]
    moved = [rows[120], *rows[:120], *rows[121:]]
    assert {str(number) for number in range(150)} == set(names(listed(changing(rows, moved))))


def test_list_that_keeps_growing_is_accepted_after_a_few_reads() -> None:
    """No row can be missing from all of them."""
    rows = [key(number) for number in range(153)]
    result = names(listed(changing(rows[3:], rows[2:], rows[2:], rows[1:], rows[1:], rows)))
    assert {str(number) for number in range(1, 153)} <= set(result)


@pytest.mark.parametrize(
    "more", [{"has_more": True}, {"next_cursor": "x"}, {"links": {"next": "/keys?offset=1"}}, {"truncated": True}]
)
def test_pages_that_announce_more_rows_are_followed_whatever_their_size(more: dict[str, Any]) -> None:
    rows = [key(number) for number in range(5)]

    def reply(request: Request) -> Any:
        offset = int(request.parameters["offset"])
        return {"data": rows[offset : offset + 2]} | (more if offset + 2 < len(rows) else {})

    assert [str(number) for number in range(5)] == names(listed(account(reply)))


def test_announced_rows_that_never_arrive_fail() -> None:
    with pytest.raises(ListChanged):
        listed(account(lambda _: {"data": [key("a")], "has_more": True}))


def test_list_is_read_again_if_a_key_is_deleted_meanwhile() -> None:
    """The next page skips a row then."""
    rows = [key(number) for number in range(150)]
    api = changing(rows, rows[1:])
    assert names(listed(api)) == [str(number) for number in range(1, 150)]
    assert [request.parameters["offset"] for request in api.requests[1:]] == ["0", "99", "0", "99"]


def test_list_that_changes_in_every_read_fails() -> None:
    rows = [key(number) for number in range(200)]
    api = changing(rows, rows[1:], rows, rows[1:], rows, rows[1:])
    with pytest.raises(ListChanged, match="the list of keys changed while it was read, 3 times over") as caught:
        listed(api)
    assert caught.value.reason == "list_changed"


def test_server_that_ignores_the_offset_fails_after_a_few_reads() -> None:
    rows = [key(number) for number in range(100)]
    api = account(lambda _: {"data": rows})
    with pytest.raises(ListChanged):
        listed(api)
    assert len(api.requests) == 1 + 2 * paging.MOST_BEGINNINGS


def test_list_of_too_many_pages_fails() -> None:
    """The rows have only a hash, because there are 100,000."""

    def reply(request: Request) -> Any:
        offset = int(request.parameters["offset"])
        return {"data": [{"hash": f"{number:064x}"} for number in range(offset, offset + 100)]}

    with pytest.raises(InvalidResponse, match="has more than 1000 pages"):
        listed(account(reply))


def test_failed_page_fails_the_list() -> None:
    rows = [key(number) for number in range(250)]

    def reply(request: Request) -> Any:
        return StatusError(500, "no") if request.parameters["offset"] == "198" else pages(rows)(request)

    with pytest.raises(StatusError):
        listed(account(reply))


def test_undocumented_page_size_is_accepted_with_a_total_count() -> None:
    """Here 120 workspaces arrive in pages of 50."""
    workspaces = [{"id": f"w{number}", "name": ""} for number in range(120)]
    result = finished(paging.workspaces(poll_of(FakeApi({"/workspaces": counted(workspaces, size=50)}))))
    assert [listed_row.id for listed_row in result] == [f"w{number}" for number in range(120)]


@pytest.mark.parametrize("count", [100, 0, -1, 130])
def test_total_count_that_is_too_low_hides_no_row(count: int) -> None:
    """It may be the count of one page, and a full page is never taken for the last."""
    rows = [key(number) for number in range(250)]
    api = account(lambda request: pages(rows)(request) | {"total_count": count})
    assert [str(number) for number in range(250)] == names(listed(api))


def test_pages_in_changing_order_fail() -> None:
    """Some rows may never have been returned."""
    rows = [key(number) for number in range(150)]
    with pytest.raises(ListChanged):
        listed(changing(rows, rows[::-1], rows, rows[::-1], rows, rows[::-1]))


def test_fewer_rows_than_the_total_count_fail() -> None:
    reply = {"data": [WORKSPACE], "total_count": 2}
    with pytest.raises(ListChanged):
        finished(paging.workspaces(poll_of(FakeApi({"/workspaces": lambda _: reply}))))


def test_members_with_unknown_roles_and_fields_are_read() -> None:
    rows = [{"id": "user_1", "email": "a@example.com", "first_name": None, "last_name": "A", "role": "org:new", "x": 1}]
    result = finished(paging.members(poll_of(FakeApi({"/organization/members": counted(rows)}))))
    assert [(listed_row.id, listed_row.email, listed_row.first_name, listed_row.role) for listed_row in result] == [
        ("user_1", "a@example.com", None, "org:new")
    ]


def test_account_without_an_organization_fails_with_404() -> None:
    with pytest.raises(StatusError):
        finished(paging.members(poll_of(FakeApi({"/organization/members": lambda _: StatusError(404, "none")}))))


def test_unreadable_name_of_a_workspace_is_empty_and_counted() -> None:
    """Its keys are still read."""
    poll = poll_of(FakeApi({"/workspaces": lambda _: {"data": [{"id": "w", "name": 5}]}}))
    assert [("w", "")] == [(workspace.id, workspace.name) for workspace in finished(paging.workspaces(poll))]
    assert {"name": 1} == dict(poll.rejections.unreadable)


@pytest.mark.parametrize("row", [None, {}, {"id": None}, {"id": 5}])
def test_unreadable_workspace_fails_the_list(row: object) -> None:
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
def test_body_without_a_list_counts_as_an_invalid_response(content: bytes, message: str) -> None:
    api = account(lambda _: content)
    with pytest.raises(InvalidResponse, match=message):
        listed(api)
    assert len(api.failures) == 1


def test_label_of_a_key_is_the_first_twelve_digits_of_its_hash() -> None:
    assert paging.key_labels([digest("a")]) == {digest("a"): digest("a")[:12]}


def test_labels_of_keys_whose_hashes_begin_alike_are_the_whole_hashes() -> None:
    one, two, other = "a" * 12 + "1" * 52, "a" * 12 + "2" * 52, digest("other")
    assert paging.key_labels([one, other, two, one]) == {one: one, two: two, other: other[:12]}
