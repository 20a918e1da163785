"""A worker: the usual way to read the keys. The vendor's own client, page after page, nothing done with them."""

from __future__ import annotations

import sys

from openrouter import OpenRouter

from benchmarks.call import Meter, run_jobs
from benchmarks.processes import KEY

PAGE = 100


def keys(client: OpenRouter) -> int:
    """Return the number of keys in all workspaces."""
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


def main() -> None:
    with OpenRouter(api_key=KEY, server_url=sys.argv[1]) as client:

        def call(_: str) -> dict[str, float]:
            with Meter() as meter:
                size = keys(client)
            return meter.result | {"size": size}

        run_jobs(call)


if __name__ == "__main__":
    main()
