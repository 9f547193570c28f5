"""The JavaScript modules of a page, that its browser fetches at once and not each after the one that imports it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from django import template
from django.contrib.staticfiles import finders
from django.templatetags.static import static

register = template.Library()

# From the first word to the address, over as many lines as they are on.
_IMPORT = re.compile(r'^import\b[^;]*?"\./(\w+\.js)";', re.MULTILINE)


@register.simple_tag
@cache
def modules_of(entry: str) -> list[str]:
    """Addresses of what the module `entry`, a static file, imports from its own directory, itself or through others."""
    directory, needed = Path(entry).parent, [Path(entry).name]
    for name in needed:  # which grows
        # What is not found here is for the browser to miss: the page can do without a list that only makes it faster.
        if found := finders.find(str(directory / name)):
            imported = _IMPORT.findall(Path(found).read_text())
            needed += [other for other in dict.fromkeys(imported) if other not in needed]
    return [static(str(directory / name)) for name in needed[1:]]
