"""The one order path: a spec becomes an intent that is committed before the wire, and is sent once or not at all."""
