"""People: sign-in, Tradovate connections, encrypted tokens, renewal, audit trail. Knows nothing of trading."""
