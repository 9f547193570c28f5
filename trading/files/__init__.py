"""Order files, from bytes to results: `readers` parse, `preview` checks, `execute` sends, `report` tells."""
