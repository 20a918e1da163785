"""Each picture shows the query above it, and is small enough to load at once."""

from __future__ import annotations

from docs.pictures.draw import FOLDER, KINDS, PAGE, expanded, pictures

KIBIBYTE = 1024


def test_every_picture_is_of_a_query_of_the_page() -> None:
    """Those that are drawn, those that are shown and those that are there are the same."""
    text = PAGE.read_text(encoding="utf-8")
    assert KINDS.keys() == {picture.name for picture in pictures(text)}
    assert len(KINDS) == text.count("](pictures/")
    assert KINDS.keys() == {path.stem for path in FOLDER.glob("*.png")}


def test_every_picture_is_small() -> None:
    """Below 100 KiB, and not empty."""
    sizes = {path.name: path.stat().st_size for path in FOLDER.glob("*.png")}
    assert {} == {name: size for name, size in sizes.items() if not 5 * KIBIBYTE < size < 100 * KIBIBYTE}


def test_recorded_names_are_expanded() -> None:
    """Down to what the exporter shows, one name within another too."""
    query = expanded("account:openrouter_activity_spend_usd:over_7d_mean")
    assert "openrouter_activity_7d_" in query
    assert "account:" not in query
