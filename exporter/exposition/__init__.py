"""The exposition: snapshots of families, rendered and compressed once, joined for each scrape."""
