"""A database backend: see base."""
