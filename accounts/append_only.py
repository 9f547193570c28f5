"""Histories that nobody rewrites."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models


class AppendOnly(models.Model):
    """A model whose rows are made and then stay: to save one again, or to delete it, raises TypeError."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            self.refuse()
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        self.refuse()

    @classmethod
    def refuse(cls) -> NoReturn:
        """Raises TypeError."""
        raise TypeError(f"The history of {cls._meta.verbose_name_plural} is append-only.")
