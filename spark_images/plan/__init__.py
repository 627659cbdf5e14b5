"""Makes a build plan of the matrix and the recipes: the graph, the bake definition and the keys.

Only load_project() and keys() read files. Nothing is written.
"""
