"""The trader's pages: the desk and the order files."""
