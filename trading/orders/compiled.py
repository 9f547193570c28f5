"""Statements of the order path, built by Django once in a process instead of once for every order.

For the small reads and writes around an order Django needs many times as long to build the SQL as the database to
answer it. A statement here is the one that the ORM would make, for the database in use; only the values change. What it
gives and what it writes is converted by the models' own fields.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Generic, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorDebugWrapper, CursorWrapper
from django.db.models import Field, Model, QuerySet
from django.db.models.sql import UpdateQuery

M = TypeVar("M", bound=Model)
Row = TypeVar("Row", bound=tuple[Any, ...])
# A value from the database, the expression that it is of, the connection: the value as Python has it.
_Converter = Callable[[Any, Any, Any], Any]


class NotCompiled(TypeError):
    """The values of a query do not all reach its SQL as they are: it is none that can be built once."""


@dataclass(frozen=True)
class _Named:
    """A parameter whose value comes with each execution."""

    name: str


@dataclass(frozen=True)
class _Statement:
    sql: str
    parameters: tuple[object, ...]
    converters: tuple[tuple[int, tuple[_Converter, ...], Any], ...] = ()

    def parameters_of(self, values: Mapping[str, object], database: BaseDatabaseWrapper) -> list[Any]:
        """What goes with the SQL for these values."""
        given = {name: _adapted(value, database) for name, value in values.items()}
        return [given[one.name] if isinstance(one, _Named) else one for one in self.parameters]


class _Built:
    """What is built once for each kind of database."""

    def __init__(self, build: Callable[..., QuerySet[Any, Any]], kinds: dict[str, type]) -> None:
        self._build = build
        self._kinds = kinds
        self._statements: dict[str, _Statement] = {}

    def _statement(self, database: BaseDatabaseWrapper) -> _Statement:
        statement = self._statements.get(database.vendor)
        if statement is None:
            statement = self._statements[database.vendor] = self._compiled(database)
        return statement

    def _compiled(self, database: BaseDatabaseWrapper) -> _Statement:
        raise NotImplementedError


class Read(_Built, Generic[Row]):
    """A query of `values_list` rows. `build` makes it from values that are given by name, each of the type in `kinds`
    (int, str or an aware datetime): it is called once with stand-ins for them.

    Raises NotCompiled at the first execution for a query that is not the same SQL for all values.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Row]], **kinds: type) -> None:
        super().__init__(build, kinds)

    def rows(self, **values: int | str | dt.datetime) -> list[Row]:
        """What the query finds for these values."""
        database = _database()
        statement = self._statement(database)
        cursor = _cursor(database)
        cursor.execute(statement.sql, statement.parameters_of(values, database))
        return [_converted(row, statement, database) for row in cursor.fetchall()]

    def first(self, **values: int | str | dt.datetime) -> Row | None:
        """The first row for these values, None when there is none."""
        return next(iter(self.rows(**values)), None)

    def as_the_orm_does(self, **values: int | str | dt.datetime) -> list[Row]:
        """The same rows, by a query that is built for these very values."""
        return list(self._build(**values))

    def _compiled(self, database: BaseDatabaseWrapper) -> _Statement:
        compiler = self._build(**_stand_ins(self._kinds)).query.get_compiler(connection=database)
        sql, parameters = compiler.as_sql()
        converters = compiler.get_converters([column for column, _, _ in compiler.select or ()])
        steps = tuple((place, tuple(ways), column) for place, (ways, column) in converters.items())
        return _Statement(sql, _named(sql, parameters, self._kinds, database), steps)


class Change(_Built):
    """An update of the rows that a query finds, to values that are the same each time; otherwise as Read."""

    def __init__(self, build: Callable[..., QuerySet[Any]], values: dict[str, Any], **kinds: type) -> None:
        super().__init__(build, kinds)
        self._values = values

    def run(self, **values: int | str | dt.datetime) -> int:
        """Write; the number of rows that were found."""
        database = _database()
        statement = self._statement(database)
        cursor = _cursor(database)
        cursor.execute(statement.sql, statement.parameters_of(values, database))
        return int(cursor.rowcount)

    def _compiled(self, database: BaseDatabaseWrapper) -> _Statement:
        query = cast("UpdateQuery", self._build(**_stand_ins(self._kinds)).query.chain(UpdateQuery))
        query.add_update_values(self._values)
        sql, parameters = query.get_compiler(connection=database).as_sql()
        return _Statement(sql, _named(sql, parameters, self._kinds, database))


def columns(model: type[Model], prefix: str = "") -> tuple[str, ...]:
    """All columns of a model as `values_list` names them; `instance` takes them back."""
    return tuple(prefix + field.attname for field in model._meta.concrete_fields)


def instance(model: type[M], values: Sequence[object]) -> M:
    """A row as its model, of the values of all its `columns`."""
    return model.from_db(DEFAULT_DB_ALIAS, _names(model), values)


def insert(rows: Sequence[M]) -> None:
    """Insert new rows of one model in one statement, as `bulk_create` does, and give them their ids. Sends no signals.
    Raises IntegrityError."""
    model = type(rows[0])
    cursor = _cursor(_database())
    cursor.execute(_insert_sql(model, len(rows)), _values(rows, _inserted(model)))
    # Neither database promises the order of what it returns; ids rise in the order of the rows.
    for row, (number,) in zip(rows, sorted(cursor.fetchall()), strict=True):
        _is_saved(row, number)


def insert_with(row: Model, others: Sequence[Model], link: str) -> None:
    """Insert a row, and others of one model whose foreign key `link` is to be its id; otherwise as `insert`. Only the
    row itself is given its id."""
    model = type(row)
    number = _write_with(_insert_sql(model, 1), _values([row], _inserted(model)), others, link)
    _is_saved(row, cast("int", number))


def update_with(row: Model, values: dict[str, Any], others: Sequence[Model], link: str, *, where: str) -> bool:
    """Write `values` by field into a row as long as its field `where` is still in the database what it is in `row`, and
    then insert others as `insert_with` does; whether it was. `row` itself stays as it is."""
    model, database = type(row), _database()
    parameters = [_field(model, name).get_db_prep_save(value, database) for name, value in values.items()]
    parameters += [row.pk, getattr(row, where)]
    return _write_with(_update_sql(model, tuple(values), where), parameters, others, link) is not None


def _write_with(sql: str, parameters: list[Any], others: Sequence[Model], link: str) -> int | None:
    """Write a row, and others that refer to it: its id, None when no row was written. On PostgreSQL in one statement,
    for each is a round trip."""
    model = type(others[0])
    fields = tuple(field for field in _inserted(model) if field.name != link)
    cursor = _cursor(_database())
    in_one = _database().vendor == "postgresql"
    if in_one:
        sql, parameters = _with_sql(sql, model, link, len(others)), parameters + _values(others, fields)
    cursor.execute(sql, parameters)
    number = next((number for (number,) in cursor.fetchall()), None)
    if number is not None and not in_one:
        for other in others:
            setattr(other, _field(model, link).attname, number)
        insert(others)
    return number


def _values(rows: Sequence[Model], fields: Sequence[Field[Any, Any]]) -> list[Any]:
    """The parameters of an insert of these fields."""
    database = _database()
    return [field.get_db_prep_save(field.pre_save(row, True), database) for row in rows for field in fields]


def _is_saved(row: Model, number: int) -> None:
    row.pk = number
    row._state.adding = False
    row._state.db = DEFAULT_DB_ALIAS


@cache
def _names(model: type[Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


@cache
def _inserted(model: type[Model]) -> tuple[Field[Any, Any], ...]:
    return tuple(field for field in model._meta.concrete_fields if not field.primary_key)


@cache
def _field(model: type[Model], name: str) -> Field[Any, Any]:
    return cast("Field[Any, Any]", model._meta.get_field(name))


@cache
def _insert_sql(model: type[Model], rows: int) -> str:
    fields = _inserted(model)
    names = ", ".join(map(_quoted, fields))
    # Nothing but the names of our own models' columns.
    return f"INSERT INTO {_table(model)} ({names}) VALUES {_places(fields, rows)} RETURNING {_quoted(model._meta.pk)}"  # noqa: S608


@cache
def _update_sql(model: type[Model], names: tuple[str, ...], where: str) -> str:
    key, state, *values = (f"{_quoted(_field(model, name))} = %s" for name in (model._meta.pk.name, where, *names))
    returned = _quoted(model._meta.pk)
    return f"UPDATE {_table(model)} SET {', '.join(values)} WHERE {key} AND {state} RETURNING {returned}"  # noqa: S608 - as above


@cache
def _with_sql(sql: str, model: type[Model], link: str, rows: int) -> str:
    fields = [field for field in _inserted(model) if field.name != link]
    names = ", ".join(map(_quoted, (_field(model, link), *fields)))
    others = f"(VALUES {_places(fields, rows)}) AS others"
    return (
        f"WITH written (number) AS ({sql}) "  # noqa: S608 - as above
        f"INSERT INTO {_table(model)} ({names}) SELECT number, others.* FROM written, {others} "
        f"RETURNING {_quoted(_field(model, link))}"
    )


def _places(fields: Sequence[Field[Any, Any]], rows: int) -> str:
    row = f"({', '.join(['%s'] * len(fields))})"
    return ", ".join([row] * rows)


def _table(model: type[Model]) -> str:
    return _database().ops.quote_name(model._meta.db_table)


def _quoted(field: Field[Any, Any]) -> str:
    return _database().ops.quote_name(cast("str", field.column))


def _database() -> BaseDatabaseWrapper:
    """This thread's connection. Looked up once: the proxy `django.db.connection` looks it up for each attribute."""
    return connections[DEFAULT_DB_ALIAS]


class _Kept(threading.local):
    cursor: CursorWrapper | None = None


_kept = _Kept()


def _cursor(database: BaseDatabaseWrapper) -> CursorWrapper:
    """This thread's cursor, which lasts as long as its connection: to make one takes half as long as to use it."""
    kept = _kept.cursor
    # Where statements are logged a cursor is of another kind.
    if (
        kept is None
        or kept.db is not database
        or kept.connection is not database.connection
        or database.queries_logged is not isinstance(kept, CursorDebugWrapper)
    ):
        kept = _kept.cursor = _new_cursor(database)
    return kept


def _new_cursor(database: BaseDatabaseWrapper) -> CursorWrapper:
    """A cursor; on PostgreSQL one whose statements the server keeps ready, where the settings have it so."""
    if not database.settings_dict["OPTIONS"].get("prepare_threshold"):
        return database.cursor()
    from django.db.backends.postgresql.base import ServerBindingCursor

    database.ensure_connection()
    usual = database.connection.cursor_factory
    database.connection.cursor_factory = ServerBindingCursor
    try:
        return database.cursor()
    finally:
        database.connection.cursor_factory = usual


_BASE: Final = 7_000_000_000_000


def _stand_ins(kinds: Mapping[str, type]) -> dict[str, int | str | dt.datetime]:
    return {name: _stand_in(kind, number) for number, (name, kind) in enumerate(kinds.items())}


def _named(
    sql: str, parameters: Sequence[object], kinds: Mapping[str, type], database: BaseDatabaseWrapper
) -> tuple[object, ...]:
    """The parameters of a query that was built with stand-ins, each of these by its name. Raises NotCompiled."""
    names = {_adapted(value, database): name for name, value in _stand_ins(kinds).items()}
    named = tuple(
        _Named(names[one]) if isinstance(one, int | str | dt.datetime) and one in names else one for one in parameters
    )
    if {one.name for one in named if isinstance(one, _Named)} != set(kinds):
        raise NotCompiled(f"Not all values of this query are parameters: {sql}")
    return named


def _stand_in(kind: type, number: int) -> int | str | dt.datetime:
    """A value of a type that stands for no other one, and that no query has by itself."""
    if kind is int:
        return _BASE + number
    if kind is str:
        return f"\x1fstand-in {number}"
    if kind is dt.datetime:
        return dt.datetime(1000 + number, 1, 1, tzinfo=dt.UTC)
    raise NotCompiled(f"There are no parameters of {kind}.")


def _adapted(value: object, database: BaseDatabaseWrapper) -> object:
    return database.ops.adapt_datetimefield_value(value) if isinstance(value, dt.datetime) else value


def _converted(row: Sequence[Any], statement: _Statement, database: BaseDatabaseWrapper) -> Any:
    values = list(row)
    for place, ways, column in statement.converters:
        for way in ways:
            values[place] = way(values[place], column, database)
    return tuple(values)
