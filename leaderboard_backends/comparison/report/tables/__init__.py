"""The sections that a result fills by itself: what was measured, how, on what, and its limits.

Each module has one function that returns a section. The arrows: `numerals, values, classes, marks <- these`.
"""
