"""What people called an account's keys and workspaces. Names need not differ: two keys share one."""

from __future__ import annotations

_KEYS = ("production", "staging", "batch", "staging")
_WORKSPACES = ("Default", "Research", "Customers")
_MEMBERS = ("Ada", "Grace", "Alan")


def key_name(number: int) -> str:
    """Return the name of the key of an account's slice with this number."""
    return _KEYS[number % len(_KEYS)]


def workspace_name(number: int) -> str:
    """Return the name of an account's workspace with this number, in the order of its slices."""
    return _WORKSPACES[number % len(_WORKSPACES)]


def member_name(number: int) -> str:
    """Return the display name of a member with this number, in the order of the account's slices."""
    return _MEMBERS[number % len(_MEMBERS)]
