"""The sections that a result fills by itself: what was measured, how, on what, and what speaks against believing it.

Each module has one function that returns a section. The arrows: `numerals, values, classes, marks <- these`.
"""
