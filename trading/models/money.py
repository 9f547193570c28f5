"""Tradovate's records of money and positions, kept, and samples of what accounts were worth."""

from __future__ import annotations

from django.db import models

from accounts.models import Connection
from trading.models.market import LONGEST_NAME


class CashBalance(models.Model):
    """An account's cash at the end of what is known of a trade date (openapi.json, CashBalance), in dollars."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="cash_balances")
    account_id_at_broker = models.BigIntegerField("account id at Tradovate")
    trade_date = models.DateField()
    amount = models.DecimalField(max_digits=18, decimal_places=2)
    realized_pnl = models.DecimalField("realised P&L", default=0, max_digits=18, decimal_places=2)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-trade_date"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "account_id_at_broker", "trade_date"], name="one_balance_per_trade_date"
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id_at_broker} {self.trade_date} {self.amount}"


class CashEntry(models.Model):
    """One change of an account's cash: a fee, a closed trade, a deposit (openapi.json, CashBalanceLog).

    Amounts are in the currency of `currency_id_at_broker`; None was not told, which stands for dollars.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="cash_entries")
    tradovate_id = models.BigIntegerField("Tradovate id")
    account_id_at_broker = models.BigIntegerField("account id at Tradovate")
    trade_date = models.DateField(null=True, blank=True)
    currency_id_at_broker = models.BigIntegerField("currency id at Tradovate", null=True, blank=True)
    change_type = models.CharField(max_length=40, blank=True)
    delta = models.DecimalField("change", null=True, blank=True, max_digits=18, decimal_places=4)
    amount = models.DecimalField("cash after it", null=True, blank=True, max_digits=18, decimal_places=4)
    realized_pnl = models.DecimalField("realised P&L after it", null=True, blank=True, max_digits=18, decimal_places=4)
    fill_id_at_broker = models.BigIntegerField("fill id at Tradovate", null=True, blank=True)
    comment = models.CharField(max_length=255, blank=True)
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "cash entries"
        ordering = ["-at", "-tradovate_id"]
        constraints = [models.UniqueConstraint(fields=["connection", "tradovate_id"], name="one_cash_entry_per_id")]
        indexes = [models.Index(fields=["connection", "account_id_at_broker", "at"], name="cash_entries_of_account")]

    def __str__(self) -> str:
        return f"{self.account_id_at_broker} {self.change_type} {self.delta}"


class Position(models.Model):
    """A position at the end of what is known of a trade date (openapi.json, Position)."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="positions")
    tradovate_id = models.BigIntegerField("Tradovate id")
    account_id_at_broker = models.BigIntegerField("account id at Tradovate")
    symbol = models.CharField(max_length=LONGEST_NAME)
    trade_date = models.DateField()
    net_pos = models.IntegerField("net position")
    net_price = models.DecimalField(null=True, blank=True, max_digits=18, decimal_places=8)
    bought = models.IntegerField(default=0)
    sold = models.IntegerField(default=0)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-trade_date", "symbol"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "tradovate_id", "trade_date"], name="one_position_per_trade_date"
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id_at_broker} {self.net_pos:+d} {self.symbol}"


class EquityPoint(models.Model):
    """What an account was worth at the end of a minute in which that had changed, in dollars.

    `is_estimate`: an open position was valued without a live price.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="equity_points")
    account_id_at_broker = models.BigIntegerField("account id at Tradovate")
    at = models.DateTimeField()
    net_liq = models.DecimalField("net liquidation", max_digits=18, decimal_places=2)
    cash = models.DecimalField(max_digits=18, decimal_places=2)
    open_pnl = models.DecimalField("open P&L", max_digits=18, decimal_places=2)
    day_pnl = models.DecimalField("day P&L before fees", null=True, blank=True, max_digits=18, decimal_places=2)
    fees = models.DecimalField("fees of the day", null=True, blank=True, max_digits=18, decimal_places=2)
    is_estimate = models.BooleanField(default=False)

    class Meta:
        ordering = ["-at"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "account_id_at_broker", "at"], name="one_equity_point_per_minute"
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id_at_broker} {self.at:%Y-%m-%d %H:%M} {self.net_liq}"
