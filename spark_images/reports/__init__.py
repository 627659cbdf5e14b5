"""What people read: tables, the catalogue of images, drawings, sizes and budgets.

This room measures and prints. It changes no image.
"""
