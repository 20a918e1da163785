"""Ours beside the usual way, in one run: ratios, because no two machines are alike."""
