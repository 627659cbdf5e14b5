"""The matrix: images.toml as typed tables, and the cells that they define.

This subpackage reads no Dockerfile and no lock, and uses no engine.
"""
