"""Order files: read, check, preview, execute, report."""
