"""Support's kill switch: everybody's trading or one trader's, thrown with a reason and released with one's password.

Both need a permission of their own, "Can stop trading, and release it".
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.views.decorators.debug import sensitive_post_parameters

from accounts import audit
from accounts.admin import NOT_A_TRADER, ReadOnly
from accounts.lockout import NOT_YOURS, is_own_password
from accounts.models import Connection, User
from trading import tasks
from trading.admin.records import OF_TRADER, link
from trading.models import KillSwitch, KillSwitchAction
from trading.orders import kill_switch

if TYPE_CHECKING:
    SwitchBase = admin.ModelAdmin[KillSwitch]
    ActionInlineBase = admin.TabularInline[KillSwitchAction, KillSwitch]
    SwitchForm = forms.ModelForm[KillSwitch]
else:
    # Only the stubs' classes take a type argument.
    SwitchBase, ActionInlineBase, SwitchForm = admin.ModelAdmin, admin.TabularInline, forms.ModelForm

Scope = KillSwitch.Scope
MAY_STOP = "trading.stop_trading"


class ThrowForm(SwitchForm):
    """Whose trading is stopped, why, and what is done about orders and positions."""

    reason = forms.CharField(
        max_length=kill_switch.LONGEST_REASON,
        widget=forms.TextInput(attrs={"size": 80}),
        help_text="The traders read it.",
    )
    cancel = forms.BooleanField(label="Cancel working orders", required=False)
    flatten = forms.BooleanField(
        label="Close all positions at the market", required=False, help_text="It cancels the working orders, too."
    )

    sure = forms.BooleanField(
        label="Yes, of everybody",
        required=False,
        help_text="Needed to cancel orders or close positions of everybody; to stop everybody it is not.",
    )

    class Meta:
        model = KillSwitch
        fields = ["scope", "user", "connection"]
        labels = {"user": "Trader"}
        help_texts = {"user": "With the scope “one trader”.", "connection": "With the scope “one connection”."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("user", "connection"):
            widget = self.fields[name].widget
            widget.can_add_related = widget.can_change_related = widget.can_view_related = False

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        needed = {Scope.USER: "user", Scope.CONNECTION: "connection"}.get(cleaned.get("scope", ""))
        for name in ("user", "connection"):
            if name == needed and cleaned.get(name) is None:
                self.add_error(name, "Choose whose trading is stopped.")
            elif name != needed and cleaned.get(name) is not None:
                self.add_error(name, "Leave this empty, or choose the scope that goes with it.")
        acts = cleaned.get("cancel") or cleaned.get("flatten")
        if cleaned.get("scope") == Scope.GLOBAL and acts and not cleaned.get("sure"):
            self.add_error("sure", _of_how_many(flatten=bool(cleaned.get("flatten"))))
        if (user := cleaned.get("user")) is not None and not user.is_trader:
            self.add_error("user", NOT_A_TRADER)
        connection = cleaned.get("connection")
        if connection is not None and connection.is_replay:
            self.add_error("connection", "That is a Market Replay, which sends no orders: choose the one that trades.")
        return cleaned

    def _post_clean(self) -> None:
        """The row is not made by the form: what the model asks of one is not for the form to check."""


def _of_how_many(*, flatten: bool) -> str:
    """What is about to be done to how many: one press too many here closes what hundreds of people hold."""
    count = Connection.objects.authorised().count()
    done = "cancels all working orders and closes all positions" if flatten else "cancels all working orders"
    whose = "the one connection that is signed in" if count == 1 else f"all {count} connections that are signed in"
    return f"This {done} of {whose}. Tick this if that is meant."


def _warn_of_signed_out(request: HttpRequest, switch: KillSwitch) -> None:
    """Of the one trader whom a switch is over: where nothing is cancelled or closed although that was asked for."""
    own = Connection.objects.filter(Q(user=switch.user_id or 0) | Q(pk=switch.connection_id or 0), source=None)
    if out := own.filter(sealed_tokens="").order_by("pk"):
        messages.warning(
            request,
            f"Not signed in: {', '.join(map(str, out))}. Nothing is cancelled or closed there: only Tradovate can do "
            "that, or the kill switch, thrown again once they are signed in.",
        )


def linked(thrown: QuerySet[KillSwitch]) -> str:
    """Links to thrown switches, with by whom and why."""
    told = ((link(one), ": ".join(filter(None, (one.thrown_by.display_name, one.reason)))) for one in thrown)
    return format_html_join(" · ", "{} by {}", told)


class ReleaseForm(forms.Form):
    """The password of whoever is signed in, once more, and the latest throw that they were shown."""

    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)
    password = forms.CharField(
        label="Your password", strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )


class ActionInline(ReadOnly, ActionInlineBase):
    model = KillSwitchAction
    fields = ("connection", "flatten", "state", "words", "changed_at")
    readonly_fields = fields

    def has_view_permission(self, request: HttpRequest, obj: KillSwitch | None = None) -> bool:
        return super().has_view_permission(request, obj) or request.user.has_perm(MAY_STOP)

    def get_queryset(self, request: HttpRequest) -> QuerySet[KillSwitchAction]:
        return super().get_queryset(request).select_related("connection")


@admin.register(KillSwitch)
class KillSwitchAdmin(SwitchBase):
    """Rows are added by throwing the switch and never changed; releasing has a page of its own."""

    list_display = ["target", "scope", "is_on", "by_staff", "reason", "thrown_at", "thrown_by", "released_at"]
    list_filter = [("released_at", admin.EmptyFieldListFilter), "scope", "by_staff", "thrown_at"]
    list_select_related = ["user", "connection", "thrown_by"]
    search_fields = [
        *("reason", "user__username", "user__first_name", "user__email", "user__connections__name"),
        *("connection__name", "connection__email", "connection__user__username", "thrown_by__username"),
    ]
    autocomplete_fields = ["user", "connection"]
    inlines = [ActionInline]
    change_form_template = "admin/trading/killswitch/change_form.html"

    @admin.display(description="thrown", boolean=True)
    def is_on(self, switch: KillSwitch) -> bool:
        return switch.is_thrown

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(MAY_STOP)

    def has_view_permission(self, request: HttpRequest, obj: KillSwitch | None = None) -> bool:
        return super().has_view_permission(request, obj) or request.user.has_perm(MAY_STOP)

    def has_change_permission(self, request: HttpRequest, obj: KillSwitch | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: KillSwitch | None = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == OF_TRADER or super().lookup_allowed(lookup, value, request)

    def get_form(
        self, request: HttpRequest, obj: KillSwitch | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm[KillSwitch]]:
        return super().get_form(request, obj, change, **(kwargs if change else {"form": ThrowForm} | kwargs))

    def get_fields(self, request: HttpRequest, obj: KillSwitch | None = None) -> Any:
        if obj is None:
            return ["scope", "user", "connection", "reason", "cancel", "flatten", "sure"]
        return ["scope", "target", "by_staff", "reason", "thrown_at", "thrown_by", "released_at", "released_by"]

    def get_inlines(self, request: HttpRequest, obj: KillSwitch | None) -> Any:
        return [] if obj is None else self.inlines

    def save_model(self, request: HttpRequest, obj: KillSwitch, form: Any, change: bool) -> None:
        asked = form.cleaned_data
        switch = kill_switch.throw(
            cast("User", request.user),
            by_staff=True,
            ip_address=audit.address_of(request),
            **{name: asked[name] for name in ("user", "connection", "reason", "cancel", "flatten")},
        )
        obj.__dict__.update(switch.__dict__)
        transaction.on_commit(partial(tasks.kill_switch_changed, switch))
        if asked["cancel"] or asked["flatten"]:
            _warn_of_signed_out(request, switch)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Nothing hangs on the form."""

    def get_urls(self) -> list[URLPattern]:
        page = path(
            "<int:switch_id>/release/", self.admin_site.admin_view(self.release), name="trading_killswitch_release"
        )
        return [page, *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        switch = kwargs.get("obj")
        releasable = switch is not None and switch.is_thrown and switch.by_staff and request.user.has_perm(MAY_STOP)
        return super().render_change_form(request, context | {"releasable": releasable}, *args, **kwargs)

    @method_decorator(sensitive_post_parameters("password"))
    def release(self, request: HttpRequest, switch_id: int) -> HttpResponse:
        """Asks for the password once more and releases a switch that staff has thrown."""
        if not request.user.has_perm(MAY_STOP):
            raise PermissionDenied
        switch = get_object_or_404(KillSwitch.objects.select_related("user", "connection"), pk=switch_id)
        if not switch.is_thrown:
            return self._released(request, switch)
        form, seen = ReleaseForm(request.POST or None), request.POST.get("seen")
        if request.method == "POST" and form.is_valid():
            try:
                if is_own_password(request, form.cleaned_data["password"]):
                    return self._release(request, switch, form.cleaned_data["seen"])
                form.add_error("password", NOT_YOURS)
            except kill_switch.StoppedAgain as again:
                seen = None
                form.add_error("password", str(again))
        context = self.admin_site.each_context(request) | {
            "title": f"Release: {switch.target}", "opts": self.opts, "switch": switch, "form": form,
            # What they were not told of stays unseen, whatever they mistype.
            "seen": seen, "throws": list(kill_switch.throws(switch)),
            "at_work": switch.actions.filter(state=KillSwitchAction.State.WORKING).select_related("connection"),
            "still": linked(kill_switch.others_over(switch)),
        }  # fmt: skip
        return TemplateResponse(request, "admin/trading/killswitch/release.html", context)

    def _release(self, request: HttpRequest, switch: KillSwitch, seen: int | None) -> HttpResponse:
        staff, address = cast("User", request.user), audit.address_of(request)
        try:
            switch = kill_switch.release_by_staff(switch.pk, staff, address, seen)
        except kill_switch.CannotRelease as problem:
            messages.error(request, str(problem))
            return redirect(reverse("admin:trading_killswitch_change", args=[switch.pk]))
        tasks.kill_switch_changed(switch)
        return self._released(request, switch)

    def _released(self, request: HttpRequest, switch: KillSwitch) -> HttpResponse:
        messages.success(request, f"The kill switch for {switch.target} is released.")
        if still := linked(kill_switch.others_over(switch)):
            messages.warning(request, format_html("Still stopped: {}.", still))
        return redirect(reverse("admin:trading_killswitch_change", args=[switch.pk]))
