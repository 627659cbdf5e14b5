"""What the folders under docker/ hold: Dockerfiles and locks.

This room reads files and says what they mean. It builds nothing.
"""
