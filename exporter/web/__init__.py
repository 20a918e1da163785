"""The web server: metrics, probes, status, landing page, TLS and access control."""
