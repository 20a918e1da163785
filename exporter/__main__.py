"""`python -m exporter` is `openrouter-exporter`."""

from exporter.startup import main

if __name__ == "__main__":
    main()
