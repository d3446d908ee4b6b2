"""The report: sections made from a result alone, shown on a terminal, as Markdown, and as one page that works offline.

The arrows: `tables, charts <- sections, illustrated <- terminal, markdown, page`.
"""
