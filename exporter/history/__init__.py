"""Past days of the API as OpenMetrics and as files of rows, read as the daemon reads them."""
