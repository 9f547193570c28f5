"""A trader's page for support: the way to all that is kept of them, what happened when, and the end of their access."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join

from accounts import audit
from accounts.access import switch_off, switch_on
from accounts.admin import PersonAdmin
from accounts.models import AuditEvent, User
from accounts.sign_out import sign_out
from trading.admin import timeline
from trading.admin.kill_switch import linked
from trading.admin.records import OF_TRADER
from trading.models import KillSwitch, KillSwitchAction

MAY_END_ACCESS = "accounts.end_access"

admin.site.unregister(User)


class AccessForm(forms.Form):
    """What is to become of a trader's access, and why."""

    SIGN_OUT, OFF, ON = "sign-out", "off", "on"

    _choices = (
        (SIGN_OUT, "Sign out everywhere: all browsers and Tradovate's tokens. They may sign in again."),
        (OFF, "Switch off: sign out everywhere, and let nobody sign in with this login."),
        (ON, "Switch on: they may sign in again."),
    )

    what = forms.ChoiceField(widget=forms.RadioSelect)
    reason = forms.CharField(
        max_length=150,
        widget=forms.TextInput(attrs={"size": 60}),
        help_text="It is kept in the audit trail, such as “rang, lost the phone, date of birth checked”.",
    )

    def __init__(self, person: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        what = cast("forms.ChoiceField", self.fields["what"])
        # What is so already cannot be wanted.
        what.choices = [one for one in self._choices if (one[0] == self.ON) != person.is_active]


@admin.register(User)
class TraderAdmin(PersonAdmin):
    """The person as accounts shows them, with what trading knows of a trader."""

    change_form_template = "admin/accounts/user/change_form.html"
    trader_fieldsets = [*PersonAdmin.trader_fieldsets, ("Kept of this trader", {"fields": ["kept"]})]
    readonly_fields = ["stopped", "kept"]

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        found = super().get_fieldsets(request, obj)
        if obj is None or not obj.is_trader or not self._may_see_switches(request):
            return found
        return [("Trading", {"fields": ["stopped"]}), *found]

    def _may_see_switches(self, request: HttpRequest) -> bool:
        return self.admin_site.get_model_admin(KillSwitch).has_view_permission(request)

    @admin.display(description="kill switches thrown now")
    def stopped(self, user: User) -> str:
        """Links to what stops the trader: all their trading, a connection of theirs, or everybody's."""
        thrown = KillSwitch.objects.thrown().visible_to(user).select_related("user", "connection", "thrown_by")
        return linked(thrown) or "none"

    @admin.display(description="rows")
    def kept(self, user: User) -> str:
        """Links to what is kept of the person, whatever the connection."""
        switches = reverse("admin:trading_killswitch_changelist")
        places = [
            (reverse("admin:trading_orderintent_changelist"), f"{OF_TRADER}={user.pk}", "intents"),
            (switches, f"user__id__exact={user.pk}", "kill switches of the trader"),
            (switches, f"{OF_TRADER}={user.pk}", "kill switches of one connection"),
            (reverse("admin:trading_tradinglimit_changelist"), f"user__id__exact={user.pk}", "limits"),
            (reverse("admin:accounts_auditevent_changelist"), f"user__id__exact={user.pk}", "audit trail"),
        ]
        return format_html_join(" · ", '<a href="{}?{}">{}</a>', places)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("<int:user_id>/timeline/", wrap(self.timeline), name="accounts_user_timeline"),
            path("<int:user_id>/access/", wrap(self.access), name="accounts_user_access"),
        ]
        return [*own, *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        person = kwargs.get("obj")
        is_trader = person is not None and person.is_trader
        context |= {"is_trader": is_trader, "may_end_access": is_trader and request.user.has_perm(MAY_END_ACCESS)}
        return super().render_change_form(request, context, *args, **kwargs)

    def timeline(self, request: HttpRequest, user_id: int) -> HttpResponse:
        """What happened to a trader around a moment."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return timeline.page(request, self.admin_site, user_id)

    def access(self, request: HttpRequest, user_id: int) -> HttpResponse:
        """Ends a trader's sessions, or switches their login off or on."""
        if not request.user.has_perm(MAY_END_ACCESS):
            raise PermissionDenied
        person = get_object_or_404(User, pk=user_id, username__contains=":")
        form = AccessForm(person, request.POST or None)
        if request.method == "POST" and form.is_valid():
            return self._end_access(request, person, form.cleaned_data["what"], form.cleaned_data["reason"])
        context = self.admin_site.each_context(request) | {
            "title": f"Access of {person.display_name}",
            "opts": self.opts,
            "person": person,
            "form": form,
            "signed_in": person.connections.authorised(),
            "clearings": KillSwitchAction.objects.filter(
                connection__user=person, switch__in=KillSwitch.objects.thrown()
            ).select_related("connection"),
            "may_see_switches": self._may_see_switches(request),
        }
        return TemplateResponse(request, "admin/accounts/user/access.html", context)

    def _end_access(self, request: HttpRequest, person: User, what: str, reason: str) -> HttpResponse:
        detail = f"by support ({request.user.get_username()}): {reason}"
        address = audit.address_of(request)
        match what:
            case AccessForm.OFF:
                switch_off(person, detail, ip_address=address)
                words = f"The login of {person.display_name} is switched off, and signed out everywhere."
            case AccessForm.ON:
                switch_on(person, detail, ip_address=address)
                words = f"{person.display_name} may sign in again."
            case _:
                if not sign_out(person, detail=detail, ip_address=address):
                    # It closed no connection, whose event would say why.
                    audit.record(AuditEvent.Kind.SIGNED_OUT, user=person, detail=detail, ip_address=address)
                words = f"{person.display_name} is signed out everywhere."
        messages.success(request, words)
        return redirect(reverse("admin:accounts_user_change", args=[person.pk]))
