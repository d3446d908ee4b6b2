"""What a board costs: prices from a table, a model that the user edits, and memory as it was measured.

The arrows: `tables <- footprint, bill <- study`. Every amount keeps the words that say what it was computed from.
"""
