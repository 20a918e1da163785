"""A worker: the usual way to read the activity, or the keys. The vendor's own client, nothing done with the rows."""

from __future__ import annotations

import sys
from collections.abc import Callable

from openrouter import OpenRouter

from benchmarks.call import Meter, run_jobs
from benchmarks.processes import KEY

PAGE = 100


def run_with_client(call: Callable[[OpenRouter, str], int]) -> None:
    """Measure a call with the vendor's client for each job. The call returns the size of its result."""
    with OpenRouter(api_key=KEY, server_url=sys.argv[1]) as client:

        def measured(job: str) -> dict[str, float]:
            with Meter() as meter:
                size = call(client, job)
            return meter.result | {"size": size}

        run_jobs(measured)


def activity(client: OpenRouter, _: str) -> int:
    """Return the number of rows in one response."""
    return len(client.analytics.get_user_activity().data)


def keys(client: OpenRouter, _: str) -> int:
    """Return the number of keys in all workspaces, read page after page."""
    read = 0
    workspaces = client.workspaces.list(limit=PAGE)
    assert workspaces is not None
    for workspace in workspaces.result.data:
        offset = 0
        while True:
            page = client.api_keys.list(offset=offset, include_disabled=True, workspace_id=workspace.id).data
            read += len(page)
            if len(page) < PAGE:
                break
            offset += PAGE
    return read


if __name__ == "__main__":
    run_with_client({"activity": activity, "keys": keys}[sys.argv[2]])
