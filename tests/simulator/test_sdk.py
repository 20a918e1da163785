"""The official SDK accepts the simulator's responses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import pytest
from openrouter import OpenRouter, errors
from openrouter.utils import BackoffStrategy, RetryConfig

from exporter.simulator.application import Running
from exporter.simulator.faults import parse_fault
from exporter.simulator.models import MODELS
from exporter.simulator.usage import SimulatedAccount

# The client warns about its own deprecated fields whenever it reads them.
pytestmark = pytest.mark.filterwarnings("ignore:warning. .. DEPRECATED:DeprecationWarning")
NO_RETRIES = RetryConfig("none", BackoffStrategy(1, 1, 1.0, 1), retry_connection_errors=False)
START, END = datetime(2026, 10, 15, tzinfo=UTC), datetime(2026, 10, 15, 12, tzinfo=UTC)
DAYS = [date(2026, 10, 14) - timedelta(days=back) for back in range(30)]


@pytest.fixture
async def client(simulator: Running) -> AsyncIterator[OpenRouter]:
    """Return an SDK client with the management key."""
    async with OpenRouter(api_key="sk-or-v1-demo", server_url=simulator.url, retry_config=NO_RETRIES) as client:
        yield client


async def test_sdk_reads_activity_with_exact_sums(client: OpenRouter) -> None:
    read = (await client.analytics.get_user_activity_async()).data
    rows = [row for day in DAYS for row in SimulatedAccount(1).rows_of_day(day)]
    assert len(read) == len(rows)
    assert sum(item.usage for item in read) == pytest.approx(sum(row.usage for row in rows), rel=1e-12)
    assert sum(item.requests for item in read) == sum(row.requests for row in rows)
    assert sum(item.cached_tokens for item in read) == sum(row.cached_tokens for row in rows)
    assert {item.workspace_id for item in read} == {None}


async def test_sdk_reads_activity_by_workspace(client: OpenRouter) -> None:
    read = (await client.analytics.get_user_activity_async(request={"group_by": "workspace"})).data
    assert None not in {item.workspace_id for item in read}


async def test_sdk_reads_one_day(client: OpenRouter) -> None:
    read = (await client.analytics.get_user_activity_async(request={"date_": "2026-10-14"})).data
    assert {item.date_ for item in read} == {"2026-10-14 00:00:00"}


async def test_sdk_reads_credits(client: OpenRouter) -> None:
    data = (await client.credits.get_credits_async()).data
    assert data.total_credits > data.total_usage > 0


async def test_sdk_reads_a_management_key(client: OpenRouter) -> None:
    data = (await client.api_keys.get_current_key_metadata_async()).data
    assert data.is_management_key
    assert data.effective_budget is None


async def test_sdk_reads_an_ordinary_key_with_its_budget(simulator: Running) -> None:
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
async def test_sdk_raises_its_error_for_each_status(
    simulator: Running, client: OpenRouter, status: int, expected: type[errors.OpenRouterError]
) -> None:
    simulator.faults.replace(parse_fault(f"status-{status}"))
    with pytest.raises(expected) as caught:
        await client.analytics.get_user_activity_async()
    assert caught.value.status_code == status


async def test_sdk_raises_forbidden_for_an_ordinary_key(simulator: Running) -> None:
    async with OpenRouter(api_key="sk-or-v1-ordinary", server_url=simulator.url) as client:
        with pytest.raises(errors.ForbiddenResponseError, match="Only management keys can perform this operation"):
            await client.analytics.get_user_activity_async()


async def test_sdk_rejects_html_with_status_200(simulator: Running, client: OpenRouter) -> None:
    simulator.faults.replace(parse_fault("html-200"))
    with pytest.raises(errors.OpenRouterDefaultError, match="Unexpected response received"):
        await client.analytics.get_user_activity_async()


async def test_sdk_fails_on_rows_without_cached_tokens(simulator: Running, client: OpenRouter) -> None:
    """One such row fails the whole call, which this exporter must not do."""
    simulator.faults.replace(parse_fault("no-cached-tokens"))
    with pytest.raises(errors.ResponseValidationError):
        await client.analytics.get_user_activity_async()


async def test_sdk_reads_workspaces_and_their_keys(client: OpenRouter) -> None:
    workspaces = await client.workspaces.list_async()
    assert workspaces is not None
    keys = []
    for workspace in workspaces.result.data:
        listed = await client.api_keys.list_async(
            workspace_id=workspace.id, include_disabled=True, include_expired=True
        )
        keys += listed.data
    assert len(keys) == 12
    assert {key.limit_reset for key in keys} == {None, "daily", "weekly", "monthly"}
    assert sum(bool(key.expires_at) for key in keys) == 2


async def test_sdk_reads_members(client: OpenRouter) -> None:
    members = await client.organization.list_members_async()
    assert members is not None
    assert [member.role for member in members.result.data] == ["org:admin", "org:member", "org:member"]


async def test_sdk_reads_budgets_and_guardrails(client: OpenRouter) -> None:
    budgets = (await client.workspaces.list_budgets_async(workspace_ref="research")).data
    assert [(2_500.0, "weekly"), (100_000.0, None)] == [(budget.limit_usd, budget.reset_interval) for budget in budgets]
    guardrails = await client.guardrails.list_async()
    assert guardrails is not None
    assert [None, 8_000.0] == [guardrail.limit_usd for guardrail in guardrails.result.data]


async def test_sdk_reads_models(client: OpenRouter) -> None:
    listed = await client.models.list_async()
    models = {model.id: model for model in listed.result.data} if listed is not None else {}
    assert "0.000003" == models["anthropic/claude-sonnet-4.5"].pricing.prompt
    assert "-1" == models["openrouter/auto"].pricing.prompt
    target = models["~openai/gpt-latest"].alias_target
    assert target is not None
    assert "openai/gpt-5" == target.slug


async def test_sdk_reads_endpoints_of_each_model(client: OpenRouter) -> None:
    for model in MODELS:
        if model.served_on(DAYS[0] + timedelta(days=1)):
            author, _, slug = model.slug.partition("/")
            endpoints = (await client.endpoints.list_async(author=author, slug=slug)).data.endpoints
            assert len(model.providers) == len(endpoints)


async def test_sdk_reads_meta(client: OpenRouter) -> None:
    offered = (await client.analytics.get_analytics_meta_async()).data
    formats = {metric.name: metric.display_format for metric in offered.metrics}
    assert ("latency", "currency") == (formats["p99_latency"], formats["total_usage"])
    assert {"model", "provider"} < {dimension.name for dimension in offered.dimensions}


async def test_sdk_counts_rows_but_loses_their_values(client: OpenRouter) -> None:
    """This is why the exporter does not use it for analytics."""
    response = await client.analytics.query_analytics_async(
        metrics=["request_count"], time_range={"start": START, "end": END}
    )
    data = response.data
    assert (1, 1, False) == (len(data.data), data.metadata.row_count, data.metadata.truncated)
    assert not data.data[0].model_dump()


async def test_sdk_raises_bad_request_with_the_apis_message(client: OpenRouter) -> None:
    with pytest.raises(errors.BadRequestResponseError, match="metrics: Unknown metric: nothing"):
        await client.analytics.query_analytics_async(metrics=["nothing"], time_range={"start": START, "end": END})
