"""What is tested when: the tests of each cell, and the Nox sessions that run them.

This room chooses tests. The tests are under tests/.
"""
