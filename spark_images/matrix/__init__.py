"""The matrix: images.toml as typed tables, and the cells that follow from them.

Pure: this room knows no Dockerfile, no lock and no engine.
"""
