"""The rules of the house that a machine can check.

Each rule is a function from a tree (the root of a repository) to its violations; it reads files and changes nothing,
so that a test can plant a violation in a copy. `tests/architecture` runs them; exceptions are data, with their reasons.
"""
