"""Reports for people: tables, the catalogue of images, drawings, sizes and budgets.

This package measures and prints. It changes no image.
"""
