"""What a board costs: prices from a table, a model that the user edits, and memory as it was measured.

The arrows: `source, footprint <- bill <- cluster`. `cluster` is the model of a board over several servers; `source` has
the files, and finds the result. Every amount keeps the words that say what it was computed from.
"""
