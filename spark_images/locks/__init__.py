"""Checks and updates the locks.

Only this room writes a lock.
"""
