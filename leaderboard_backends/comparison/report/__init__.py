"""The report: sections made from the table of measurements, shown on a terminal, as Markdown, and as one offline page.

A subject is a module: its section and what its charts show. The arrows: `tables <- plots <- the subjects <-
sections`, which `terminal`, `markdown` and `page` show. `drawing` makes charts of plots, with the colours of `palette`.
The words of all are in `prose.toml`, which `tables` fills in.
"""
