"""Every address of the portal."""

from django.contrib import admin
from django.urls import include, path

from portal.health import health

urlpatterns = [
    path("", include("trading.urls")),
    path("accounts/", include("accounts.urls")),
    path("health/", health, name="health"),
    path("admin/", admin.site.urls),
]
