"""Tests, proofs and benchmarks of the portal."""

import os

# The working copy's .env is for its own portal, and for no other that anything here starts.
os.environ["PYTHON_DOTENV_DISABLED"] = "1"
