"""The collector of `GET /activity`."""
