from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("trading", "0003_intent_absent"),
    ]

    operations = [
        migrations.AddField(
            model_name="orderfile",
            name="rung_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="last queued by the sweep"),
        ),
    ]
