"""Addresses of browser sockets."""

from django.urls import path

from trading.consumers import ChartConsumer, DeskConsumer

websocket_urlpatterns = [
    path("ws/desk/", DeskConsumer.as_asgi(), name="desk-socket"),
    path("ws/chart/", ChartConsumer.as_asgi(), name="chart-socket"),
]
