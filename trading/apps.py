from django.apps import AppConfig


class TradingConfig(AppConfig):
    name = "trading"

    def ready(self) -> None:
        from accounts import signals
        from trading.sync import doorbell, replays

        signals.connection_opened.connect(doorbell.on_opened, dispatch_uid="sync opens")
        signals.connection_renewed.connect(doorbell.on_renewed, dispatch_uid="sync authorizes anew")
        signals.connection_ended.connect(doorbell.on_renewed, dispatch_uid="sync looks at its tokens")
        signals.renewals_due.connect(doorbell.on_renewals_due, dispatch_uid="taken sessions are left alone")
        signals.renewals_first.connect(doorbell.on_renewals_first, dispatch_uid="open desks are renewed first")
        signals.connection_closed.connect(doorbell.on_closed, dispatch_uid="sync closes")
        signals.connection_closed.connect(replays.on_closed, dispatch_uid="replays end")
