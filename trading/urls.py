"""Addresses of the trader's pages."""

from django.urls import path

from trading.views import actions, files, fills, kill_switch, limits, order, order_elsewhere, place, replay
from trading.views.chart import chart
from trading.views.code import code
from trading.views.desk import desk, own, reconnect
from trading.views.performance import performance
from trading.views.settings import settings

app_name = "trading"

urlpatterns = [
    path("", desk, name="desk"),
    path("reconnect/", reconnect, name="reconnect"),
    path("orders/latest/code/", code, name="latest-code"),
    path("orders/<int:order_id>/code/", code, name="code"),
    path("chart/", chart, name="chart"),
    path("desk/own/", own, name="own"),
    path("desk/place/", place.place, name="place"),
    path("desk/preview/", place.preview, name="preview"),
    path("desk/modify/", actions.modify, name="modify"),
    path("desk/cancel/", actions.cancel, name="cancel"),
    path("desk/cancel-all/", actions.cancel_all, name="cancel-all"),
    path("desk/flatten/", actions.flatten, name="flatten"),
    path("desk/flatten-all/", actions.flatten_all, name="flatten-all"),
    path("desk/reverse/", actions.reverse, name="reverse"),
    path("desk/exits/", actions.add_exits, name="exits"),
    path("desk/break-even/", actions.break_even, name="break-even"),
    path("orders/<int:intent_id>/", order.order, name="order"),
    path("orders/tradovate/<int:order_id>/", order_elsewhere.order_elsewhere, name="order-elsewhere"),
    path("orders/<int:intent_id>/again/", actions.again, name="again"),
    path("orders/<int:intent_id>/replace/", actions.replace, name="replace"),
    path("orders/<int:intent_id>/give-up/", actions.give_up, name="give-up"),
    path("fills/", fills.fills, name="fills"),
    path("fills/fills.csv", fills.csv, name="fills-csv"),
    path("performance/", performance, name="performance"),
    path("files/", files.files, name="files"),
    path("files/<uuid:file_id>/", files.file, name="file"),
    path("files/<uuid:file_id>/check/", files.check, name="check"),
    path("files/<uuid:file_id>/confirm/", files.confirm, name="confirm"),
    path("files/<uuid:file_id>/stop/", files.stop, name="stop"),
    path("files/<uuid:file_id>/resume/", files.resume, name="resume"),
    path("files/<uuid:file_id>/discard/", files.discard, name="discard"),
    path("files/<uuid:file_id>/results.csv", files.csv, name="csv"),
    path("replay/", replay.replay, name="replay"),
    path("replay/speed/", replay.speed, name="replay-speed"),
    path("replay/end/", replay.end, name="end-replay"),
    path("settings/", settings, name="settings"),
    path("limits/", limits.page, name="own-limits"),
    path("limits/<int:limit_id>/", limits.change, name="own-limit"),
    path("limits/<int:limit_id>/remove/", limits.remove, name="remove-own-limit"),
    path("kill-switch/", kill_switch.page, name="kill-switch"),
    path("kill-switch/throw/", kill_switch.throw, name="throw"),
    path("kill-switch/<int:switch_id>/release/", kill_switch.release, name="release"),
    path("kill-switch/limits/<int:account_id>/", kill_switch.limits, name="limits"),
]
