"""The vendor's own client accepts what the simulator says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest
from openrouter import OpenRouter, errors
from openrouter.utils import BackoffStrategy, RetryConfig

from exporter.simulator.application import Running
from exporter.simulator.faults import parse_fault
from exporter.simulator.usage import SimulatedAccount

# The client warns of its own deprecated fields whenever it reads them.
pytestmark = pytest.mark.filterwarnings("ignore:warning. .. DEPRECATED:DeprecationWarning")
NO_RETRIES = RetryConfig("none", BackoffStrategy(1, 1, 1.0, 1), retry_connection_errors=False)
DAYS = [date(2026, 10, 14) - timedelta(days=back) for back in range(30)]


@pytest.fixture
async def client(simulator: Running) -> AsyncIterator[OpenRouter]:
    """A client with the management key."""
    async with OpenRouter(api_key="sk-or-v1-demo", server_url=simulator.url, retry_config=NO_RETRIES) as client:
        yield client


async def test_reads_activity(client: OpenRouter) -> None:
    """Its sums are those of the data."""
    read = (await client.analytics.get_user_activity_async()).data
    rows = [row for day in DAYS for row in SimulatedAccount(1).rows_of_day(day)]
    assert len(read) == len(rows)
    assert sum(item.usage for item in read) == pytest.approx(sum(row.usage for row in rows), rel=1e-12)
    assert sum(item.requests for item in read) == sum(row.requests for row in rows)
    assert sum(item.cached_tokens for item in read) == sum(row.cached_tokens for row in rows)
    assert {item.workspace_id for item in read} == {None}


async def test_reads_activity_by_workspace(client: OpenRouter) -> None:
    """Every item has its workspace."""
    read = (await client.analytics.get_user_activity_async(request={"group_by": "workspace"})).data
    assert None not in {item.workspace_id for item in read}


async def test_reads_one_day(client: OpenRouter) -> None:
    """The parameter's name on the wire is `date`."""
    read = (await client.analytics.get_user_activity_async(request={"date_": "2026-10-14"})).data
    assert {item.date_ for item in read} == {"2026-10-14 00:00:00"}


async def test_reads_credits(client: OpenRouter) -> None:
    """More was bought than used."""
    data = (await client.credits.get_credits_async()).data
    assert data.total_credits > data.total_usage > 0


async def test_reads_a_management_key(client: OpenRouter) -> None:
    """The whole field set is there."""
    data = (await client.api_keys.get_current_key_metadata_async()).data
    assert data.is_management_key
    assert data.effective_budget is None


async def test_reads_an_ordinary_key(simulator: Running) -> None:
    """With a budget and its reset."""
    async with OpenRouter(api_key="sk-or-v1-ordinary", server_url=simulator.url) as client:
        data = (await client.api_keys.get_current_key_metadata_async()).data
    assert not data.is_management_key
    assert data.effective_budget is not None
    assert data.effective_budget.limit_usd == data.limit


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, errors.BadRequestResponseError),
        (401, errors.UnauthorizedResponseError),
        (403, errors.ForbiddenResponseError),
        (404, errors.NotFoundResponseError),
        (408, errors.OpenRouterDefaultError),
        (429, errors.OpenRouterDefaultError),
        (500, errors.InternalServerResponseError),
        (503, errors.OpenRouterDefaultError),
        (524, errors.OpenRouterDefaultError),
    ],
)
async def test_error_statuses_are_the_clients_errors(
    simulator: Running, client: OpenRouter, status: int, expected: type[errors.OpenRouterError]
) -> None:
    """Each status that `/activity` documents has its class in the client, the others a common one."""
    simulator.faults.replace(parse_fault(f"status-{status}"))
    with pytest.raises(expected) as caught:
        await client.analytics.get_user_activity_async()
    assert caught.value.status_code == status


async def test_a_refused_key_is_the_clients_error(simulator: Running) -> None:
    """With the API's own message."""
    async with OpenRouter(api_key="sk-or-v1-ordinary", server_url=simulator.url) as client:
        with pytest.raises(errors.ForbiddenResponseError, match="Only management keys can perform this operation"):
            await client.analytics.get_user_activity_async()


async def test_a_page_is_no_answer_to_the_client(simulator: Running, client: OpenRouter) -> None:
    """HTML with status 200."""
    simulator.faults.replace(parse_fault("html-200"))
    with pytest.raises(errors.OpenRouterDefaultError, match="Unexpected response received"):
        await client.analytics.get_user_activity_async()


async def test_the_client_needs_cached_tokens(simulator: Running, client: OpenRouter) -> None:
    """A row without them fails its whole call: what this exporter must not do."""
    simulator.faults.replace(parse_fault("no-cached-tokens"))
    with pytest.raises(errors.ResponseValidationError):
        await client.analytics.get_user_activity_async()


async def test_reads_workspaces_and_their_keys(client: OpenRouter) -> None:
    """Page by page, with limits and moments in its own types."""
    workspaces = await client.workspaces.list_async()
    assert workspaces is not None
    found = []
    for workspace in workspaces.result.data:
        listed = await client.api_keys.list_async(
            workspace_id=workspace.id, include_disabled=True, include_expired=True
        )
        found += listed.data
    assert len(found) == 12
    assert {key.limit_reset for key in found} == {None, "daily", "weekly", "monthly"}
    assert sum(bool(key.expires_at) for key in found) == 2


async def test_reads_members(client: OpenRouter) -> None:
    """With their roles."""
    members = await client.organization.list_members_async()
    assert members is not None
    assert [member.role for member in members.result.data] == ["org:admin", "org:member", "org:member"]
