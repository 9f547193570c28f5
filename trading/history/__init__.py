"""What the journal has kept, read back: fills with their fees, each day's P&L, and what accounts were worth."""
