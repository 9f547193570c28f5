"""Where Tradovate's documents are at hand, a run of CI cannot pass without comparing with them."""

from pathlib import Path

import pytest

from tests.trading import documents


def test_a_document_that_is_named_has_to_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    documents._document.cache_clear()
    monkeypatch.setenv("TRADOVATE_SPEC", str(tmp_path / "gone.json"))
    with pytest.raises(pytest.fail.Exception, match="TRADOVATE_SPEC"):
        documents.openapi()


def test_ci_names_the_documents() -> None:
    script = (Path(__file__).parents[2] / ".ci/run").read_text(encoding="utf-8")
    assert "export TRADOVATE_SPEC=" in script
    assert "export TRADOVATE_GUIDE=" in script
