"""The JavaScript modules of a page, that its browser fetches at once and not each after the one that imports it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from django import template
from django.contrib.staticfiles import finders
from django.templatetags.static import static

register = template.Library()

_IMPORT = re.compile(r'^import .* from "\./(\w+\.js)";$', re.MULTILINE)


@register.simple_tag
@cache
def modules_of(entry: str) -> list[str]:
    """Addresses of what the module `entry`, a static file, imports from its own directory, itself or through others."""
    directory, needed = Path(entry).parent, [Path(entry).name]
    for name in needed:  # which grows
        found = finders.find(str(directory / name))
        imported = _IMPORT.findall(Path(str(found)).read_text())
        needed += [other for other in dict.fromkeys(imported) if other not in needed]
    return [static(str(directory / name)) for name in needed[1:]]
