"""Tables whose rows become blocks on narrow screens, where each cell has its column's title beside it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence


def stacked_table(titles: Sequence[str], rows: Iterable[Sequence[str]], numbers: Collection[str]) -> str:
    """Return a table of cells of HTML; the first cell heads its row, and `numbers` are titles of columns."""
    kinds = [' class="n"' if title in numbers else "" for title in titles]
    columns = list(zip(titles, kinds, strict=True))
    head = "".join(f'<th scope="col"{kind}>{title}</th>' for title, kind in columns)
    body = "".join(
        f'<tr><th scope="row">{first}</th>'
        + "".join(
            f'<td{kind} data-name="{title}">{cell}</td>' for (title, kind), cell in zip(columns[1:], cells, strict=True)
        )
        + "</tr>"
        for first, *cells in rows
    )
    return f'<table class="wide stack"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def table_section(title: str, table: str) -> str:
    """Return a section of the page whose table scrolls within it."""
    return (
        f'<section class="panel"><h2 id="{title.lower()}">{title}</h2><div class="scroll tall" role="region" '
        f'tabindex="0" aria-labelledby="{title.lower()}">{table}</div></section>'
    )
