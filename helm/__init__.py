"""What the chart is made from; the chart itself is in openrouter-exporter."""
