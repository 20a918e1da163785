"""The collectors of the public catalogue: models in use, and their endpoints."""
