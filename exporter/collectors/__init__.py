"""Collectors: one file per resource of the API, each turning rows into families."""
