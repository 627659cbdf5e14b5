"""From the matrix and the recipes to a build plan: the graph, the bake definition, the keys.

Pure, except for load_project(), which reads the working tree.
"""
