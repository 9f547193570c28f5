"""What an account's alert limits produce (guide, UserAccountAutoLiq: "producing an Alert"): an AdminAlertSignal, once
when a limit is reached and again after it was not. Of the signals of openapi.json only that one names an account."""

from __future__ import annotations

from collections.abc import Mapping

from .clock import Clock, stamp
from .entities import Account
from .people_entities import AdminAlert, AdminAlertSignal
from .store import Store

LISTED = "2020-01-01T00:00:00.000Z"
ALERTS = (
    AdminAlert(id=1, name="daily loss", timestamp=LISTED),
    AdminAlert(id=2, name="daily loss in percent", timestamp=LISTED),
    AdminAlert(id=3, name="margin in percent", timestamp=LISTED),
)
_IDS = {alert.name: alert.id for alert in ALERTS}


class RiskAlerts:
    """Remembers which alert limits an account has reached, by name."""

    def __init__(self, clock: Clock, store: Store) -> None:
        self._clock = clock
        self._store = store
        self.reached: dict[int, list[str]] = {}

    def note(self, account_id: int, texts: Mapping[str, str]) -> None:
        """An account's limits that are reached now, with words for each."""
        known = self.reached.get(account_id, [])
        for name, text in texts.items():
            if name not in known:
                self._tell(account_id, _IDS[name], text)
        if texts:
            self.reached[account_id] = list(texts)
        else:
            self.reached.pop(account_id, None)

    def _tell(self, account_id: int, alert_id: int, text: str) -> None:
        account = self._store.get(Account, account_id)
        if account is None:
            return
        signal = AdminAlertSignal(
            id=self._store.next_id(),
            timestamp=stamp(self._clock.now()),
            admin_alert_id=alert_id,
            related_to_account_id=account_id,
            related_to_user_id=account.user_id,
            text=f"{account.name}: {text}",
            email_sent=False,
            subject_id=account_id,
        )
        self._store.put(signal, user_id=account.user_id, account_id=account_id)
