"""Addresses of the trader's pages."""

from django.urls import path

from trading.views.desk import desk

app_name = "trading"

urlpatterns = [
    path("", desk, name="desk"),
]
