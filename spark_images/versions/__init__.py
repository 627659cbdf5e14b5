"""Compares the matrix with the indexes that it is built from, and adds Spark versions to it.

Only this room asks an index which versions exist.
"""
