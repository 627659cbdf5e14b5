"""The container engine and its host.

This room runs a plan: it bootstraps Debian, calls buildx and tags the images.
"""
