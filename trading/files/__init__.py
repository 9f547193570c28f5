"""Order files, from bytes to results: `readers` parse, `preview` checks, `execute` sends, `stock` says
what a stopped one waits for, `report` tells."""
