"""What a page's browser fetches ahead of the scripts that import it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders

from portal.templatetags.modules import modules_of

STATIC = settings.BASE_DIR / "portal" / "static" / "portal"


def test_all_modules_that_a_script_imports_are_named_once_however_deep_they_are() -> None:
    imported, waiting = set(), {"stream.js"}
    while waiting:
        imported |= waiting
        scripts = [(STATIC / name).read_text() for name in waiting]
        waiting = {name for text in scripts for name in re.findall(r'(?:from|import) "\./(.+?)"', text)} - imported
    found = modules_of("portal/stream.js")
    assert sorted(found) == sorted(f"/static/portal/{name}" for name in imported - {"stream.js"})
    assert "/static/portal/chart.js" not in found, "only pages with a chart load it"


def test_an_import_may_be_on_several_lines_and_what_is_not_found_fails_no_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "entry.js").write_text('import {\n  one,\n  other,\n} from "./lines.js";\nimport "./gone.js";\n')
    (tmp_path / "lines.js").write_text('import("./later.js");\n')
    monkeypatch.setattr(finders, "find", lambda path: path if Path(path).exists() else None)
    assert [Path(address).name for address in modules_of(str(tmp_path / "entry.js"))] == ["lines.js", "gone.js"]
    assert modules_of(str(tmp_path / "absent.js")) == []
