"""`python -m exporter` is `openrouter-exporter`."""

from exporter.cli import main

if __name__ == "__main__":
    main()
