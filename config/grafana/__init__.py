"""The dashboards as code: `make dashboards` builds the JSON that Grafana loads."""
