"""The configuration: its types, and how YAML becomes them."""
