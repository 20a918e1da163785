"""The OpenRouter API, as a client meets it."""
