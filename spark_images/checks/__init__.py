"""Chooses the tests of each cell and runs them in Nox sessions.

This package has no tests. The tests are in tests/.
"""
