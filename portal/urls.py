"""Every address of the portal."""

from django.contrib import admin
from django.urls import include, path

from accounts.admin import own_password
from portal.health import health, health_of_all

urlpatterns = [
    path("", include("trading.urls")),
    path("accounts/", include("accounts.urls")),
    path("health/", health, name="health"),
    path("health/all/", health_of_all, name="health-of-all"),
    # Before Django's own, which counts no wrong passwords.
    path("admin/password_change/", admin.site.admin_view(own_password)),
    path("admin/", admin.site.urls),
]
