"""The attestations about an image: its provenance, its test results, and the vulnerabilities that do not affect it.

Each module returns a predicate as a dictionary. The same input gives the same bytes. Nothing here signs or publishes.
"""
