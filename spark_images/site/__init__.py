"""The documentation site: MkDocs Material over the Markdown files of the repository.

This room turns files into pages. mkdocs.yml says which pages there are.
"""
