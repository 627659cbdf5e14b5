"""The container engine and the machine that it runs on.

This room runs a plan: it bootstraps Debian, calls buildx and gives images their names.
"""
