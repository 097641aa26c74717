"""How long a quarter and its parts take, and how much memory, beside bare DuckDB doing the same work in the same run.

Figures are for reading, never for asserting: a test that fails on a busy machine teaches people to ignore tests.
"""
