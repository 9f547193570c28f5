"""People who are signed in to the portal without a simulator: their connections and their browsers."""

from datetime import timedelta

from django.test import Client
from django.utils import timezone

from accounts.models import Connection, Environment, User
from accounts.sign_in import SESSION_KEY
from accounts.tokens import Tokens


def person(name: str, number: int) -> Connection:
    """Somebody's connection with tokens that are good for an hour; `number` is the id at Tradovate."""
    return connection_of(User.objects.create(username=name), "sim", number)


def connection_of(user: User, environment: str, number: int) -> Connection:
    """A connection of this user, as `person` makes it."""
    connection = Connection.objects.create(
        user=user,
        environment=environment,
        tradovate_user_id=number,
        name=user.username,
        signed_in_at=timezone.now(),
    )
    connection.store_tokens(Tokens(f"token-{user.username}"), timezone.now() + timedelta(hours=1))
    return connection


def replay_of(source: Connection) -> Connection:
    """The connection of a Market Replay that goes by another one's sign-in."""
    return Connection.objects.create(
        user=source.user,
        environment=Environment(source.environment).replay,
        source=source,
        tradovate_user_id=source.tradovate_user_id,
        name=source.name,
    )


def browser_of(connection: Connection) -> Client:
    """A browser that has signed in to this connection."""
    made = Client()
    made.force_login(connection.user, backend="django.contrib.auth.backends.ModelBackend")
    session = made.session
    session[SESSION_KEY] = connection.pk
    session.save()
    return made
