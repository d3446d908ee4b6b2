"""What a board costs: prices from a table, a model that the user edits, and memory as it was measured.

The arrows: `footprint <- bill <- study <- sections`, where `bill` and `study` read what `tables` describes; `source`
finds the result. Every amount keeps the words that say what it was computed from.
"""
