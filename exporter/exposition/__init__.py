"""The exposition: snapshots of metric families, rendered and compressed once, joined for each scrape."""
