"""Entities of people and what passes between them: permissions, alerts, chats, sessions (openapi.json, tags "Users",
"Alerts", "Chat")."""

from __future__ import annotations

from .entities import Entity


class TradingPermission(Entity, kw_only=True):
    """Lets `user_id` trade an account of somebody else, the account holder."""

    user_id: int
    account_id: int
    account_holder_contact: str
    account_holder_email: str
    cta_contact: str
    cta_email: str
    status: str
    updated: str | None = None


class Alert(Entity, kw_only=True):
    """`expression` is what the user wants to be told about, see alerts.py."""

    timestamp: str
    user_id: int
    status: str
    expression: str
    valid_until: str | None = None
    trigger_limits: int | None = None
    triggered_counter: int | None = None
    message: str | None = None


class AlertSignal(Entity, kw_only=True):
    timestamp: str
    alert_id: int
    is_read: bool
    text: str


class AdminAlert(Entity, kw_only=True):
    """A condition that somebody is told of."""

    name: str
    timestamp: str


class AdminAlertSignal(Entity, kw_only=True):
    """One time that it was so; `subject_id` is whose condition it is."""

    timestamp: str
    admin_alert_id: int
    related_to_account_id: int | None = None
    related_to_user_id: int | None = None
    owned_by_admin_id: int | None = None
    completed: str | None = None
    text: str
    email_sent: bool
    subject_id: int
    claimed_at: str | None = None


class Chat(Entity, kw_only=True):
    user_id: int
    timestamp: str
    category: str
    closed_by_id: int | None = None
    close_timestamp: str | None = None


class ChatMessage(Entity, kw_only=True):
    timestamp: str
    chat_id: int
    sender_id: int
    sender_name: str
    text: str
    read_status: bool


class UserSession(Entity, kw_only=True):
    user_id: int
    start_time: str
    end_time: str | None = None
    ip_address: str | None = None
    app_id: str | None = None
    app_version: str | None = None
    client_app_id: int


class UserSessionStats(Entity, kw_only=True):
    """Its id is the user's id."""

    last_session_time: str
    failed_passwords: int


class Organization(Entity, kw_only=True):
    name: str


class ClearingHouse(Entity, kw_only=True):
    name: str


TYPES: dict[str, type[Entity]] = {
    "tradingPermission": TradingPermission,
    "alert": Alert,
    "alertSignal": AlertSignal,
    "adminAlertSignal": AdminAlertSignal,
    "chat": Chat,
    "chatMessage": ChatMessage,
}
"""Those that the store keeps, by the name that `props` events give them."""
