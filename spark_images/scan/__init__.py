"""Known vulnerabilities of the components in the SBOM of an image.

grype compares the components with its database. OpenVEX statements say which findings do not matter.
"""
