"""A machine whose clock was ahead and is right again does not wait until that time has come."""

from datetime import timedelta

import pytest
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from trading.models import Account, KillSwitchAction, OrderIntent
from trading.orders import clearing, intents, kill_switch, reconcile, when_to_look
from trading.orders.states import State

AHEAD = timedelta(hours=2)


def test_what_a_kill_switch_has_still_to_do_is_done(account: Account) -> None:
    user: User = account.connection.user
    action = kill_switch.throw(user, user=user, cancel=True).actions.get()
    KillSwitchAction.objects.update(look_at=timezone.now() + AHEAD)
    assert clearing.due() == [action.pk]
    clearing.carry_out(action.pk)
    assert clearing.due() == []
    action.refresh_from_db()
    assert action.round == 1


def test_what_got_no_answer_is_looked_for(intent: OrderIntent, redis_url: str) -> None:
    intents.claim(intent.pk)
    intents.transition(intent.pk, {State.SUBMITTING}, State.UNKNOWN)
    now = timezone.now()
    QuerySet(OrderIntent).update(changed_at=now - reconcile.SETTLE)
    with pytest.raises(TimeoutError), when_to_look.trying(intent.connection_id, reconcile.UNKNOWN, now):
        raise TimeoutError
    assert reconcile.due(now) == []
    with pytest.raises(TimeoutError), when_to_look.trying(intent.connection_id, reconcile.UNKNOWN, now + AHEAD):
        raise TimeoutError
    assert reconcile.due(now) == [intent.connection_id]
