"""Invalid values are refused by name when the chart is rendered, and not by a pod that crashes."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from helm_python import HelmError

from tests.chart.rendering import Values, merged, render, values_of

BASE = values_of("existing-secret")
KEY = "sk-or-v1-secret"


@dataclass(frozen=True)
class Bad:
    """Values, and the message about them."""

    values: Values
    output: str


def account(**entry: object) -> Values:
    """Return an account in the chart's existingSecret."""
    return {"accounts": [entry]}


def activity(**keys: object) -> Values:
    """Return settings of the activity collector."""
    return {"config": {"collectors": {"activity": keys}}}


BAD = {
    "no-account": Bad({"accounts": []}, "accounts: name at least one account with its key, set config.account_files"),
    "no-key": Bad({"existingSecret": ""}, 'account "default": has no key; set existingSecret'),
    "demo-with-shards": Bad({"demo": {"enabled": True}, "shards": 2, "existingSecret": ""}, "shards: the demo has no"),
    "shard-option": Bad({"extraArgs": ["--shard.total=2"]}, "extraArgs: set shards instead of --shard.total"),
    "shards-max-unavailable": Bad({"shards": 2, "shardsMaxUnavailable": "0%"}, "shardsMaxUnavailable"),
    "two-keys": Bad(
        account(apiKey=KEY, apiKeyFile="/run/key") | {"existingSecret": ""},
        'account "default": apiKey and apiKeyFile exclude each other',
    ),
    "own-secret-and-inline": Bad(
        account(name="shop", apiKey=KEY, existingSecret="shop") | {"existingSecret": ""},
        'account "shop": apiKey and existingSecret exclude each other',
    ),
    "chart-secret-and-inline": Bad(account(apiKey=KEY), "apiKey and the chart's existingSecret exclude each other"),
    "secret-key-without-secret": Bad(
        account(apiKey=KEY, existingSecretKey="key") | {"existingSecret": ""},
        "existingSecretKey means nothing without an existingSecret",
    ),
    "key-of-two-lines": Bad(
        account(apiKey=f"{KEY}\n{KEY}") | {"existingSecret": ""}, "apiKey holds white space; expected one key"
    ),
    "one-name-twice": Bad({"accounts": [{"name": "a"}, {"name": "a"}]}, 'account "a": another account has this name'),
    "default-name-twice": Bad({"accounts": [{"name": "default"}, {}]}, 'account "default": another account'),
    "demo-with-secret": Bad({"demo": {"enabled": True}}, "existingSecret: demo.enabled reads no key"),
    "unknown-collector": Bad({"config": {"collectors": {"activty": {}}}}, "'activty' not allowed"),
    "unknown-collector-of-an-account": Bad(account(collectors={"credit": {}}), "'credit' not allowed"),
    "unknown-threshold": Bad(account(thresholds={"budget": 1}), "'budget' not allowed"),
    "unknown-value": Bad({"image": {"name": "x"}}, "'name' not allowed"),
    "unknown-value-at-the-top": Bad({"serviceMonitors": {}}, "'serviceMonitors' not allowed"),
    "key-in-the-exporters-words": Bad(account(api_key_file="x"), "'api_key_file' not allowed"),
    "accounts-in-config": Bad({"config": {"accounts": []}}, "'accounts' not allowed"),
    "duration-without-unit": Bad(activity(interval=15), "'/config/collectors/activity/interval': got number"),
    "duration-with-a-point": Bad(activity(interval="1.5h"), "'/config/collectors/activity/interval': '1.5h' does not"),
    "duration-empty": Bad(activity(interval=""), "'/config/collectors/activity/interval': minLength"),
    "duration-of-nothing": Bad(activity(interval="0s"), "config: collectors.activity.interval is zero"),
    "duration-of-nothing-for-one": Bad(
        account(collectors={"credits": {"interval": "0"}}), 'account "default": collectors.credits.interval is zero'
    ),
    "duration-of-reload": Bad({"configReloadInterval": "often"}, "'/configReloadInterval': 'often' does not match"),
    "duration-of-scrape": Bad({"serviceMonitor": {"interval": "1 m"}}, "'/serviceMonitor/interval': '1 m' does not"),
    "wrong-type": Bad({"service": {"port": "http"}}, "'/service/port': got string, want integer"),
    "section-away": Bad({"webConfig": None}, "missing property 'webConfig'"),
    "two-replicas": Bad({"replicas": 2}, "replicas: 2 would poll each account 2 times"),
    "no-time-to-end": Bad({"terminationGracePeriodSeconds": 10}, "'/terminationGracePeriodSeconds': minimum: got 10"),
    "budget-of-nothing": Bad({"podDisruptionBudget": {"unhealthyPodEvictionPolicy": "AlwaysAllow"}}, "needs one of"),
    "two-budgets": Bad({"podDisruptionBudget": {"minAvailable": 0, "maxUnavailable": 1}}, "exclude each other"),
    "two-monitors": Bad(
        {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}, "scrape the same pod twice"
    ),
    "monitor-without-tls": Bad(
        {"serviceMonitor": {"enabled": True}, "webConfig": {"tls": {"existingSecret": "a"}}},
        "serviceMonitor.tlsConfig: webConfig.tls serves HTTPS",
    ),
    "monitor-without-password": Bad(
        merged(values_of("basic-auth"), {"serviceMonitor": {"enabled": False}, "podMonitor": {"enabled": True}}),
        "podMonitor.basicAuth: webConfig.basicAuthUsers asks for a password",
    ),
    "client-certificates-without-tls": Bad(
        {"webConfig": {"tls": {"clientCertificates": True}}}, "clientCertificates: needs webConfig.tls.existingSecret"
    ),
    "password-in-place-of-its-hash": Bad(
        {"webConfig": {"basicAuthUsers": {"me": f"{KEY}!"}}}, "webConfig.basicAuthUsers: me needs a bcrypt hash"
    ),
    "user-with-a-colon": Bad(
        {"webConfig": {"basicAuthUsers": {"a:b": f"$2b$10${'a' * 53}"}}}, "a:b can't hold a colon"
    ),
    "password-in-the-proxy": Bad(
        {"config": {"upstream": {"proxy_url": f"http://me:{KEY}@proxy:3128"}}}, "config.upstream.proxy_url: holds a"
    ),
    "key-for-a-secret": Bad({"existingSecret": KEY}, "existingSecret: this is a key, and the name of a Secret is"),
    "key-for-a-secret-of-one": Bad(account(name="a", existingSecret=KEY), "an account holds a key of OpenRouter"),
    "key-for-a-name": Bad(account(name=KEY, existingSecret=""), "an account holds a key of OpenRouter"),
    "key-in-config": Bad(activity(include=[KEY]), "config: holds a key of OpenRouter"),
    "key-in-arguments": Bad({"extraArgs": [f"--key={KEY}"]}, "extraArgs: holds a key of OpenRouter"),
    "key-in-variables": Bad({"extraEnv": [{"name": "A", "value": KEY}]}, "extraEnv: holds a key of OpenRouter"),
    "history-without-importer": Bad({"history": {"enabled": True}}, "history.importer: describe the container"),
    "key-in-history": Bad({"history": {"args": [f"--label=a={KEY}"]}}, "history: holds a key of OpenRouter"),
    "option-of-the-chart": Bad(
        {"extraArgs": ["--shutdown.timeout=1m"]}, "set terminationGracePeriodSeconds instead of --shutdown.timeout"
    ),
    "option-that-moves-paths": Bad({"extraArgs": ["--web.route-prefix=/a"]}, "--web.route-prefix is not supported"),
}


@pytest.mark.parametrize("name", BAD)
def test_mistake_is_reported_with_its_value(name: str) -> None:
    """The message names the remedy and shows no key."""
    with pytest.raises(HelmError) as refused:
        render(merged(BASE, BAD[name].values))
    assert BAD[name].output in str(refused.value)
    assert KEY not in str(refused.value)


def test_all_mistakes_are_reported_at_once() -> None:
    values = {"accounts": [], "replicas": 3, "extraArgs": ["--config.file=x", "--web.route-prefix=/"]}
    with pytest.raises(HelmError) as refused:
        render(values)
    assert 4 == str(refused.value).count("\n  - ")


def test_default_values_render() -> None:
    """It shows that the refusals above have a cause."""
    assert render(BASE)
