"""Commands other than `serve`."""
