"""The import paths of aiortc's helpers. A program written for it runs with the package's name changed."""
