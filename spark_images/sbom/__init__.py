"""The SBOM of each image: what is in it, from which lock, in which layer.

The locks and images.toml say what a file is. The bytes of the layers say which files are there.
"""
