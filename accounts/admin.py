"""What support staff see of people: their connections and the audit trail, to read and not to change. Never a token."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from axes.admin import AccessAttemptAdmin, AccessLogAdmin
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm, AdminPasswordChangeForm
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from accounts import budgets
from accounts.crypto import CannotDecrypt
from accounts.lockout import NOT_YOURS, is_own_password, take_back
from accounts.models import AuditEvent, Connection, User

admin.site.site_header = "Tradeport support"
admin.site.site_title = "Tradeport support"
admin.site.index_title = "Traders and their orders"
admin.site.unregister([Group, AccessAttempt, AccessFailureLog, AccessLog])

NOT_A_TRADER = "That is a member of staff: choose a trader."

if TYPE_CHECKING:
    PersonAdminBase = UserAdmin[User]
    ConnectionInlineBase = admin.TabularInline[Connection, User]
    ConnectionAdminBase = admin.ModelAdmin[Connection]
    AuditEventAdminBase = admin.ModelAdmin[AuditEvent]
else:
    # Only the stubs' admin classes take a type argument.
    PersonAdminBase = UserAdmin
    ConnectionInlineBase = admin.TabularInline
    ConnectionAdminBase = AuditEventAdminBase = admin.ModelAdmin


class ReadOnly:
    """Mixin for admins and inlines whose rows nobody adds, changes or deletes here."""

    # Those that axes brings along ask for no right.
    actions: Any = None
    # It would be counted through the whole table for each list of one trader's rows.
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ConnectionState:
    """Mixin with a column that says how a connection stands."""

    @admin.display(description="state")
    def state(self, connection: Connection) -> str:
        """Signed in, signed out, or what keeps it from working; a replay, which goes by another one's sign-in."""
        if connection.is_replay:
            return "replay"
        if not connection.is_authorised:
            return "signed out"
        try:
            _ = connection.tokens
        except CannotDecrypt:
            return "tokens cannot be opened"
        expires_at = connection.access_token_expires_at
        if expires_at is None or expires_at <= timezone.now():
            return "token expired"
        return "renewal failing" if connection.renewal_error else "signed in"


class ConnectionInline(ReadOnly, ConnectionState, ConnectionInlineBase):
    model = Connection
    fields = [
        *("environment", "name", "tradovate_user_id", "state"),
        *("signed_in_at", "signed_in_by", "access_token_expires_at"),
    ]
    readonly_fields = ["state"]
    show_change_link = True


@admin.register(User)
class PersonAdmin(PersonAdminBase):
    """Traders are read-only. Superusers add members of staff and change them, and nobody else does."""

    list_display = ["username", "first_name", "last_name", "email", "is_staff", "is_active", "last_login"]
    search_fields = [
        *("username", "first_name", "last_name", "email"),
        *("connections__name", "connections__full_name", "connections__email", "=connections__tradovate_user_id"),
    ]
    trader_fieldsets = [
        (None, {"fields": ["username", "first_name", "email", "is_active"]}),
        ("Dates", {"fields": ["date_joined", "last_login"]}),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is not None and not self.has_change_permission(request, obj):
            return self.trader_fieldsets
        return super().get_fieldsets(request, obj)

    def get_inlines(self, request: HttpRequest, obj: User | None) -> tuple[type[ConnectionInline], ...]:
        return (ConnectionInline,) if obj is not None and obj.is_trader else ()

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if not change:
            # Whoever is added here signs in with a password, and has no other use for one.
            obj.is_staff = True
        super().save_model(request, obj, form, change)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return bool(request.user.is_superuser) and (obj is None or not obj.is_trader)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        if self.get_object(request, unquote(id)) == request.user:
            # That page asks for the old one.
            return redirect("admin:password_change")
        return super().user_change_password(request, id, form_url)


class StaffSignInForm(AdminAuthenticationForm):
    """The admin's form for a sign-in."""

    def confirm_login_allowed(self, user: Any) -> None:
        # The password is right, whether or not its account may come in here.
        take_back(self.request)
        super().confirm_login_allowed(user)


admin.site.login_form = StaffSignInForm


class OwnPasswordForm(AdminPasswordChangeForm):
    """A new password for whoever is signed in; a wrong old one counts as at a sign-in."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_old_password(self) -> str:
        password: str = self.cleaned_data["old_password"]
        if not is_own_password(self.request, password):
            raise ValidationError(NOT_YOURS)
        return password


def own_password(request: HttpRequest) -> HttpResponseBase:
    """The admin's page on which staff change their own password, with OwnPasswordForm."""
    page = PasswordChangeView.as_view(
        form_class=partial(OwnPasswordForm, request),
        success_url=reverse("admin:password_change_done"),
        extra_context=admin.site.each_context(request),
    )
    return page(request)


@admin.register(Connection)
class ConnectionAdmin(ReadOnly, ConnectionState, ConnectionAdminBase):
    list_display = ["name", "environment", "state", "user", "access_token_expires_at", "signed_in_at", "signed_in_by"]
    list_filter = ["environment", "signed_in_by"]
    search_fields = ["name", "full_name", "email", "=tradovate_user_id", "user__username"]
    list_select_related = ["user"]
    readonly_fields = ["state", "requests", "hosts_told"]
    change_list_template = "admin/accounts/connection/change_list.html"
    fields = [
        *("environment", "name", "tradovate_user_id", "full_name", "email", "user", "state", "requests"),
        *("signed_in_at", "signed_in_by", "access_token_expires_at", "refresh_token_expires_at"),
        *("renewed_at", "renewal_error"),
        "hosts_told",
    ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(
            request,
            {"network": settings.TRADOVATE_NETWORK, "realms": budgets.of_network()} | (extra_context or {}),
        )

    @admin.display(description="hosts that Tradovate named")
    def hosts_told(self, connection: Connection) -> str:
        """What the last auth reply named, one after another."""
        return ", ".join(f"{name}: {host}" for name, host in sorted(connection.api_hosts.items())) or "-"

    @admin.display(description="requests to Tradovate this hour")
    def requests(self, connection: Connection) -> str:
        """How much of the user's budget is used, LIVE and DEMO together."""
        budget = budgets.of_user(connection.environment, connection.tradovate_user_id)
        if budget is None:
            return "-"
        refused = "; Tradovate refuses more just now" if budget.blocked else ""
        return f"{budget.used:,} of {budget.limit.most:,}{refused}"

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        # Django lets a list be filtered by any field of its own: sealed text could be guessed letter by letter.
        return not lookup.startswith("sealed_tokens") and super().lookup_allowed(lookup, value, request)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly, AuditEventAdminBase):
    list_display = ["at", "kind", "user", "connection", "ip_address", "detail"]
    list_filter = ["kind", "at"]
    search_fields = [
        *("user__username", "user__email", "connection__name", "connection__full_name", "connection__email"),
        *("=connection__tradovate_user_id", "ip_address", "detail"),
    ]
    date_hierarchy = "at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        return super().get_queryset(request).select_related("user", "connection")


@admin.register(AccessLog)
class StaffSignInAdmin(ReadOnly, AccessLogAdmin):  # type: ignore[misc]  # axes ships no types
    """Who signed in when, as axes keeps it."""


@admin.register(AccessAttempt)
class StaffFailureAdmin(ReadOnly, AccessAttemptAdmin):  # type: ignore[misc]  # axes ships no types
    """Whose passwords were wrong, and how often."""
