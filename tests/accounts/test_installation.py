"""The device that this installation is to Tradovate."""

import pytest
from django.contrib import admin
from django.db import IntegrityError

from accounts.models import Installation
from tests.accounts.conftest import at_once


@pytest.mark.django_db
def test_it_is_made_once_and_stays() -> None:
    first = Installation.this()

    assert Installation.this().device_id("ann") == first.device_id("ann")
    assert len(bytes(Installation.objects.get().device_key)) == 32
    with pytest.raises(IntegrityError):
        Installation.objects.create(pk=2)


@pytest.mark.django_db
def test_each_user_of_each_installation_is_a_device_of_its_own() -> None:
    here = Installation.this()
    devices = {here.device_id("ann"), here.device_id("bob"), Installation().device_id("ann")}

    assert len(devices) == 3
    assert here.device_id("ANN") in devices


@pytest.mark.django_db(transaction=True)
def test_several_who_ask_first_at_once_get_the_same() -> None:
    found = at_once(6, lambda: Installation.this().device_id("ann"))

    assert len(found) == 6
    assert len(set(found)) == 1
    assert Installation.objects.count() == 1


def test_its_key_is_on_no_page() -> None:
    assert not admin.site.is_registered(Installation)
