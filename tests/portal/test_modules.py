"""What a page's browser fetches ahead of the scripts that import it."""

from __future__ import annotations

from portal.templatetags.modules import modules_of


def test_all_modules_that_a_script_imports_are_named_once_however_deep_they_are() -> None:
    found = modules_of("portal/stream.js")
    assert {"/static/portal/desk.js", "/static/portal/press.js", "/static/portal/figures.js"} <= set(found)
    assert len(found) == len(set(found))
    assert "/static/portal/stream.js" not in found, "the page names it itself"
    assert "/static/portal/chart.js" not in found, "only pages with a chart load it"
