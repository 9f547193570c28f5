"""Intents keep the whole order as it was asked for; those that are there are put together from their columns."""

from django.db import migrations, models


def put_together(apps, schema_editor):
    OrderIntent = apps.get_model("trading", "OrderIntent")
    for intent in OrderIntent.objects.iterator():
        prices = {name: getattr(intent, name) for name in ("price", "stop_price")}
        intent.spec = {
            "account_id": intent.account_id,
            "symbol": intent.symbol,
            "action": intent.action,
            "order_qty": intent.order_qty,
            "order_type": intent.order_type,
            **{name: str(price) for name, price in prices.items() if price is not None},
            "time_in_force": intent.time_in_force,
            "is_automated": intent.is_automated,
        }
        intent.save(update_fields=["spec"])


class Migration(migrations.Migration):

    dependencies = [
        ("trading", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="orderintent",
            name="spec",
            field=models.JSONField(default=dict, verbose_name="order as asked for"),
            preserve_default=False,
        ),
        migrations.RunPython(put_together, migrations.RunPython.noop, elidable=True),
    ]
