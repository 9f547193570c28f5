"""Rows that are inserted, or change the row that is there already unless that one is newer: one statement for many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.db import connections, models, router
from django.db.models.sql import InsertQuery

# What stands for the row that is there, and for the one that would take its place, in conditions and values.
OLD, NEW = "{old}", "excluded"


def upsert(
    model: type[models.Model],
    rows: Iterable[models.Model],
    unique: Sequence[str],
    changing: Sequence[str],
    newer: str = "",
    values: Mapping[str, str] | None = None,
) -> None:
    """Insert rows, or update the fields `changing` of those whose fields `unique` are there already.

    `newer` is an SQL condition on the columns of {old} and excluded: where it does not hold, the row that is there
    stays as it is. `values` gives SQL for fields that do not just take the new value. It is one statement, so that
    nobody else's writing comes between. Raises django.db.Error.
    """
    # One statement may not touch a row twice: the last one of the batch counts.
    by_key = {tuple(getattr(row, name) for name in unique): row for row in rows}
    if not by_key:
        return
    using = router.db_for_write(model)
    connection = connections[using]
    fields = [field for field in model._meta.local_concrete_fields if not field.primary_key]
    quoted = connection.ops.quote_name
    columns = {field.attname: quoted(field.column or field.attname) for field in fields}
    ending = _ending(columns, unique, changing, newer, values or {}).replace(OLD, quoted(model._meta.db_table))
    found = list(by_key.values())
    size = max(1, connection.ops.bulk_batch_size(fields, found))
    with connection.cursor() as cursor:
        for first in range(0, len(found), size):
            query = InsertQuery(model)
            query.insert_values(fields, found[first : first + size])
            for statement, parameters in query.get_compiler(using).as_sql():
                cursor.execute(f"{statement} {ending}", parameters)


def _ending(
    columns: Mapping[str, str], unique: Sequence[str], changing: Sequence[str], newer: str, values: Mapping[str, str]
) -> str:
    """The statement from ON CONFLICT on, which SQLite has from PostgreSQL. `columns` are quoted, by field."""
    target = ", ".join(columns[name] for name in unique)
    if not changing:
        return f"ON CONFLICT ({target}) DO NOTHING"
    taken = {name: values.get(name, f"{NEW}.{columns[name]}") for name in changing}
    changes = ", ".join(f"{columns[name]} = {value}" for name, value in taken.items())
    return f"ON CONFLICT ({target}) DO UPDATE SET {changes}" + (f" WHERE {newer}" if newer else "")
