"""A user's own credentials, new users, and what is known of sessions (openapi.json, tag "Users")."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import msgspec

from .api_auth import access_token_reply
from .calls import Call, Handler, Rejected
from .clock import stamp
from .entities import Account, User
from .people_entities import UserSession, UserSessionStats
from .writes import save

Id = Annotated[int, msgspec.Meta(gt=0)]
Name = Annotated[str, msgspec.Meta(min_length=3, max_length=64)]
NewPassword = Annotated[str, msgspec.Meta(min_length=8, max_length=64)]
Password = Annotated[str, msgspec.Meta(max_length=64)]
Text = Annotated[str, msgspec.Meta(max_length=64)]
DENIED = {"errorText": "Access is denied"}
WRONG_PASSWORD = {"errorText": "The current password is wrong."}
MOST_ACCOUNTS = 20
CLIENT_APP = 1


class _Credentials(msgspec.Struct, rename="camel"):
    name: Name
    password: NewPassword
    current_password: Password
    user_id: Id | None = None


class _NewPassword(msgspec.Struct, rename="camel"):
    password: NewPassword
    current_password: Password
    user_id: Id | None = None


class _Email(msgspec.Struct, rename="camel"):
    email: Text
    user_id: Id | None = None


class _SignUp(msgspec.Struct, rename="camel"):
    name: Name
    email: Text
    password: Password
    first_name: Text
    last_name: Annotated[str, msgspec.Meta(min_length=2, max_length=64)]


class _DemoAccount(msgspec.Struct, rename="camel"):
    template_account_id: Id | None = None
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    initial_balance: Decimal = Decimal(50_000)


def modify_credentials(call: Call) -> Any:
    """openapi.json, ModifyCredentials: another user name and password. Answers new tokens for the session."""
    asked = call.read(_Credentials)
    people = call.simulation.people
    if asked.user_id not in (None, call.user_id):
        return DENIED
    if not people.has_password(call.user_id, asked.current_password):
        return WRONG_PASSWORD
    holder = people.named(asked.name)
    if holder is not None and holder.user_id != call.user_id:
        return {"errorText": f"The user name {asked.name} is taken."}
    people.change(call.user_id, name=asked.name, password=asked.password)
    _user_changed(call, name=asked.name)
    return access_token_reply(call, call.simulation.sessions.renew(call.known_session))


def modify_password(call: Call) -> Any:
    """openapi.json, ModifyPassword. Answers new tokens for the session."""
    asked = call.read(_NewPassword)
    if asked.user_id not in (None, call.user_id):
        return DENIED
    if not call.simulation.people.has_password(call.user_id, asked.current_password):
        return WRONG_PASSWORD
    call.simulation.people.change(call.user_id, password=asked.password)
    return access_token_reply(call, call.simulation.sessions.renew(call.known_session))


def modify_email(call: Call) -> Any:
    """openapi.json, ModifyEmailAddress. Nobody is asked to confirm the new address."""
    asked = call.read(_Email)
    if asked.user_id not in (None, call.user_id):
        return DENIED
    if not _is_email(asked.email):
        return {"errorText": f"{asked.email} is no e-mail address."}
    holder = call.simulation.people.with_email(asked.email)
    if holder is not None and holder.user_id != call.user_id:
        return {"errorText": f"The e-mail address {asked.email} is taken."}
    call.simulation.people.change(call.user_id, email=asked.email)
    return {"status": _user_changed(call, email=asked.email).status}


def sign_up(call: Call) -> Any:
    """openapi.json, SignUpOrganizationMember: a new user without accounts, who can sign in at once."""
    asked = call.read(_SignUp)
    people = call.simulation.people
    if len(asked.password) < 8:
        return _refused("WeakPassword", "The password needs 8 characters.")
    if not _is_email(asked.email):
        return _refused("EmailPolicyFailed", f"{asked.email} is no e-mail address.")
    if people.named(asked.name) is not None:
        return _refused("UserAlreadyExists", f"The user name {asked.name} is taken.")
    if people.with_email(asked.email) is not None:
        return _refused("EmailAlreadyRegistered", f"The e-mail address {asked.email} is taken.")
    full_name = f"{asked.first_name} {asked.last_name}"
    trader = people.add(name=asked.name, full_name=full_name, email=asked.email, password=asked.password)
    call.simulation.introduce(trader)
    return {"errorCode": "Success", "userId": trader.user_id, "emailVerified": True}


def open_demo_account(call: Call) -> Any:
    """openapi.json, OpenDemoAccount: an account like the template, with money in it."""
    asked = call.read(_DemoAccount)
    simulation = call.simulation
    own = simulation.store.accounts(call.user_id)
    if asked.initial_balance < 0:
        raise Rejected(400, "Invalid parameter: initialBalance")
    if asked.template_account_id not in (None, *(account.id for account in own)):
        return DENIED
    if len(own) >= MOST_ACCOUNTS:
        return {"errorText": f"A user can have {MOST_ACCOUNTS} accounts."}
    taken = {account.name.lower() for account in simulation.store.all(Account)}
    name = asked.name or f"DEMO{call.user_id * 1000 + len(own) + 1}"
    if name.lower() in taken:
        return {"errorText": f"The account name {name} is taken."}
    return {"accountId": simulation.open_account(call.trader, name, asked.initial_balance).id}


def user_sessions(call: Call) -> list[UserSession]:
    """The user's logins, open and closed (openapi.json, UserSession)."""
    return [
        UserSession(
            id=session.id,
            user_id=session.user_id,
            start_time=stamp(session.opened),
            end_time=stamp(session.ended) if session.ended else None,
            ip_address=session.origin.address or None,
            app_id=session.origin.app_id or None,
            app_version=session.origin.app_version or None,
            client_app_id=CLIENT_APP,
        )
        for session in call.simulation.sessions.every()
        if session.user_id == call.user_id
    ]


def session_stats(call: Call) -> list[UserSessionStats]:
    """When the user signed in last, and wrong passwords since (openapi.json, UserSessionStats)."""
    last = max((session.start_time for session in user_sessions(call)), default=None)
    if last is None:
        return []
    failed = call.simulation.people.failed_passwords.get(call.user_id, 0)
    return [UserSessionStats(id=call.user_id, last_session_time=last, failed_passwords=failed)]


def _user_changed(call: Call, **changes: str) -> User:
    user = call.simulation.store.get(User, call.user_id)
    if user is None:
        raise LookupError(f"There is no user {call.user_id}.")
    return save(call, msgspec.structs.replace(user, **changes), (call.user_id, None))


def _refused(code: str, text: str) -> dict[str, Any]:
    return {"errorCode": code, "errorText": text, "emailVerified": False}


def _is_email(text: str) -> bool:
    name, at, domain = text.partition("@")
    return bool(name and at and domain) and not any(character.isspace() for character in text)


OPERATIONS: dict[str, Handler] = {
    "user/modifycredentials": modify_credentials,
    "user/modifypassword": modify_password,
    "user/modifyemailaddress": modify_email,
    "user/signuporganizationmember": sign_up,
    "user/opendemoaccount": open_demo_account,
}
