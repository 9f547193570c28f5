"""The portal's addresses, and the least that a signed-in trader's page can be: the bar and nothing below it."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from portal.urls import urlpatterns as portals


@login_required
def empty(request: HttpRequest) -> HttpResponse:
    return render(request, "portal/base.html")


urlpatterns = [*portals, path("bench/empty/", empty)]
