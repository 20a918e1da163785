"""Polling: one poll of one collector at a time, on schedule, measured and logged."""
