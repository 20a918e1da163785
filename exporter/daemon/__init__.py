"""The daemon: wiring, process, reload, systemd."""
