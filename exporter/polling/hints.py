"""Hints about failed polls: what to do, from what the response shows."""

from __future__ import annotations

import re

from exporter.api.client import REFUSED
from exporter.errors import AttemptError, NoBalance

UNAUTHORIZED = 401

KEYS_PAGE = "https://openrouter.ai/settings/management-keys"
ORDINARY_KEY = f"this is an ordinary key, which can't read the account's activity; make a management key at {KEYS_PAGE}"
UNKNOWN_KEY = (
    f"OpenRouter does not know this key: mistyped, deleted or expired; management keys are listed at {KEYS_PAGE}"
)
NO_KEY = "the catalogue is read without a key; if this address needs one, set catalogue.enabled: false"
MANAGEMENT_KEY = f"a management key is needed: {KEYS_PAGE}"

# A 403 can also come from a proxy, an IP allow-list or a region: only the API's own wording is about the key's type.
_ABOUT_KEY_TYPE = re.compile(r"(management|provisioning) key", re.IGNORECASE)
_BY_SOURCE = {
    "certificate": "the certificate is not trusted: name the file of its authority in upstream.tls.ca_file",
    "connection_refused": "nothing accepts connections at this address: check upstream.base_url",
    "proxy": "check the proxy: upstream.proxy_url, or HTTPS_PROXY if upstream.proxy_from_environment is set",
    "redirect": "the API does not redirect: check upstream.base_url, or for a proxy that wants a login",
    "web_page": "a web page came instead of the API's JSON: a proxy or firewall sent it, or upstream.base_url is wrong",
}
_BY_STATUS = {
    UNAUTHORIZED: UNKNOWN_KEY,
    402: "the account has no credit left: https://openrouter.ai/settings/credits",
    404: "check upstream.base_url: the API is at https://openrouter.ai/api/v1",
}


def hint(error: Exception, *, with_key: bool = True) -> str | None:
    """Return how to correct what caused an error, None if the error does not show it.

    `with_key` is whether the request was sent with a key.
    """
    if isinstance(error, NoBalance):
        return MANAGEMENT_KEY
    if not isinstance(error, AttemptError):
        return None
    if error.source is not None:
        return _BY_SOURCE[error.source]
    if error.status in REFUSED and not with_key:
        return NO_KEY
    if error.status in REFUSED and _ABOUT_KEY_TYPE.search(str(error)):
        return MANAGEMENT_KEY
    return _BY_STATUS.get(error.status or 0)
