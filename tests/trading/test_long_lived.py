"""What is loaded at start is out of the collector's sight; cycles that come later are not."""

import subprocess
import sys

from django.conf import settings

PROGRAM = """
import gc, weakref
from trading.long_lived import keep_what_is_loaded

class Node:
    pass

keep_what_is_loaded()
assert gc.get_freeze_count() > 1000
node = Node()
node.itself = node
gone = weakref.ref(node)
del node
gc.collect()
assert gone() is None
"""


def test_what_is_loaded_is_kept_and_later_cycles_are_collected() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], cwd=settings.BASE_DIR, check=True)
