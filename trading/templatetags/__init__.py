"""Template filters for the figures of a desk."""
