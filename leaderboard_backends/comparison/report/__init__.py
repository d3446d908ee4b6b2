"""The report: sections made from a result alone, shown on a terminal, as Markdown, and as one page that works offline.

The arrows: `document <- answers, tables, charts <- sections <- terminal, markdown, page`.
"""
