"""Addresses of the trader's pages."""

from django.urls import path

from trading.views import files
from trading.views.desk import desk

app_name = "trading"

urlpatterns = [
    path("", desk, name="desk"),
    path("files/", files.files, name="files"),
    path("files/<uuid:file_id>/", files.file, name="file"),
    path("files/<uuid:file_id>/check/", files.check, name="check"),
    path("files/<uuid:file_id>/confirm/", files.confirm, name="confirm"),
    path("files/<uuid:file_id>/stop/", files.stop, name="stop"),
    path("files/<uuid:file_id>/resume/", files.resume, name="resume"),
    path("files/<uuid:file_id>/discard/", files.discard, name="discard"),
    path("files/<uuid:file_id>/results.csv", files.csv, name="csv"),
]
