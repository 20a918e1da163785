"""A worker: the usual way to read the activity. The vendor's own client, one call, nothing done with the response."""

from __future__ import annotations

import sys

from openrouter import OpenRouter

from benchmarks.call import Meter, run_jobs
from benchmarks.processes import KEY


def main() -> None:
    with OpenRouter(api_key=KEY, server_url=sys.argv[1]) as client:

        def call(_: str) -> dict[str, float]:
            with Meter() as meter:
                rows = len(client.analytics.get_user_activity().data)
            return meter.result | {"size": rows}

        run_jobs(call)


if __name__ == "__main__":
    main()
