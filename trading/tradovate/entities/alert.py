"""Alerts and conversations (openapi.json, schemas of these names)."""

from __future__ import annotations

from .base import Entity, Timestamp


class Alert(Entity, frozen=True, kw_only=True):
    """A condition that a user wants to be told of; `status` is an AlertStatus or newer word."""

    timestamp: Timestamp | None = None
    user_id: int | None = None
    status: str | None = None
    expression: str | None = None
    valid_until: Timestamp | None = None
    trigger_limits: int | None = None
    triggered_counter: int | None = None
    failure: str | None = None
    message: str | None = None


class AlertSignal(Entity, frozen=True, kw_only=True):
    """One time that an alert went off."""

    timestamp: Timestamp | None = None
    alert_id: int | None = None
    is_read: bool | None = None
    text: str | None = None


class AdminAlert(Entity, frozen=True, kw_only=True):
    """A condition that staff are told of."""

    name: str | None = None
    timestamp: Timestamp | None = None


class AdminAlertSignal(Entity, frozen=True, kw_only=True):
    """One time that staff were told, and who of them took it."""

    timestamp: Timestamp | None = None
    admin_alert_id: int | None = None
    related_to_account_id: int | None = None
    related_to_user_id: int | None = None
    owned_by_admin_id: int | None = None
    completed: Timestamp | None = None
    text: str | None = None
    email_sent: bool | None = None
    subject_id: int | None = None
    claimed_at: Timestamp | None = None


class Chat(Entity, frozen=True, kw_only=True):
    """A conversation with support or the trade desk."""

    user_id: int | None = None
    timestamp: Timestamp | None = None
    category: str | None = None
    assigned_support_id: int | None = None
    closed_by_id: int | None = None
    close_timestamp: Timestamp | None = None


class ChatMessage(Entity, frozen=True, kw_only=True):
    """One message of a conversation."""

    timestamp: Timestamp | None = None
    chat_id: int | None = None
    sender_id: int | None = None
    sender_name: str | None = None
    text: str | None = None
    read_status: bool | None = None
