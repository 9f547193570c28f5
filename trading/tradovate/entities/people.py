"""People, firms and permissions (openapi.json, schemas of these names)."""

from __future__ import annotations

from .base import Entity, Timestamp


class ContactInfo(Entity, frozen=True, kw_only=True):
    """A user's name and postal addresses."""

    user_id: int | None = None
    first_name: str | None = None
    last_name: str | None = None
    street_address1: str | None = None
    street_address2: str | None = None
    city: str | None = None
    state: str | None = None
    post_code: str | None = None
    country: str | None = None
    phone: str | None = None
    mailing_is_different: bool | None = None
    mailing_street_address1: str | None = None
    mailing_street_address2: str | None = None
    mailing_city: str | None = None
    mailing_state: str | None = None
    mailing_post_code: str | None = None
    mailing_country: str | None = None


class Organization(Entity, frozen=True, kw_only=True):
    """A firm that has users of its own; its vendors must ask for split sync replies."""

    name: str | None = None


class ClearingHouse(Entity, frozen=True, kw_only=True):
    """A firm that holds accounts."""

    name: str | None = None


class TradingPermission(Entity, frozen=True, kw_only=True):
    """One user's leave to trade another user's account."""

    user_id: int | None = None
    account_id: int | None = None
    account_holder_contact: str | None = None
    account_holder_email: str | None = None
    cta_contact: str | None = None
    cta_email: str | None = None
    status: str | None = None
    updated: Timestamp | None = None
    approved_by_id: int | None = None


class UserSession(Entity, frozen=True, kw_only=True):
    """A signed-in program of a user; Tradovate allows two at a time."""

    user_id: int | None = None
    start_time: Timestamp | None = None
    end_time: Timestamp | None = None
    ip_address: str | None = None
    app_id: str | None = None
    app_version: str | None = None
    client_app_id: int | None = None


class UserSessionStats(Entity, frozen=True, kw_only=True):
    """When a user was last here, and the wrong passwords since; its id is the user's."""

    last_session_time: Timestamp | None = None
    failed_passwords: int | None = None


class AnnualReview(Entity, frozen=True, kw_only=True):
    """A yearly confirmation of personal data. The document gives no more than its id."""


class UserReadStatus(Entity, frozen=True, kw_only=True):
    """What a user has read. The document gives no more than its id."""


class UserPromoCode(Entity, frozen=True, kw_only=True):
    """A user's promotion code. The document gives no more than its id."""
