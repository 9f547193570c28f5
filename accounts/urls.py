"""Addresses of signing in and out."""

from django.urls import path

from accounts import views

app_name = "accounts"

urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-in/api-key/", views.api_key, name="api-key"),
    path("sign-in/callback/", views.callback, name="callback"),
    path("sign-out/", views.sign_out, name="sign-out"),
]
