"""The collector of analytics queries, `POST /analytics/query`."""
