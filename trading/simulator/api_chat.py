"""Chats with support (openapi.json, tag "Chat"). Nobody answers here."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from .calls import Call, Handler
from .clock import stamp
from .people_entities import Chat, ChatMessage
from .writes import save

Id = Annotated[int, msgspec.Meta(gt=0)]


class _Post(msgspec.Struct, rename="camel"):
    category: Literal["Support", "TradeDesk"]
    text: Annotated[str, msgspec.Meta(max_length=1024)]
    user_id: Id | None = None


class _Close(msgspec.Struct, rename="camel"):
    chat_id: Id


class _MarkAsRead(msgspec.Struct, rename="camel"):
    chat_message_id: Id


def post(call: Call) -> Any:
    """openapi.json, PostChatMessage: into the user's open chat of that category, or a new one."""
    asked = call.read(_Post)
    if asked.user_id not in (None, call.user_id):
        return {"errorText": "Access is denied"}
    store, now = call.simulation.store, stamp(call.simulation.clock.now())
    owner = call.user_id, None
    chat = next(
        (
            one
            for one in store.all(Chat)
            if (one.user_id, one.category, one.close_timestamp) == (call.user_id, asked.category, None)
        ),
        None,
    )
    if chat is None:
        chat = Chat(id=store.next_id(), user_id=call.user_id, timestamp=now, category=asked.category)
        save(call, chat, owner)
    message = ChatMessage(
        id=store.next_id(),
        timestamp=now,
        chat_id=chat.id,
        sender_id=call.user_id,
        sender_name=call.trader.name,
        text=asked.text,
        read_status=False,
    )
    return {"chatMessage": save(call, message, owner)}


def close(call: Call) -> Any:
    """openapi.json, CloseChat."""
    store = call.simulation.store
    chat = store.own(Chat, call.read(_Close).chat_id, call.user_id)
    if chat is None:
        return {"errorText": "Not found: chat"}
    if chat.close_timestamp is None:
        now = stamp(call.simulation.clock.now())
        chat = msgspec.structs.replace(chat, closed_by_id=call.user_id, close_timestamp=now)
        save(call, chat, (call.user_id, None))
    return {"chat": chat}


def mark_as_read(call: Call) -> Any:
    """openapi.json, MarkAsReadChatMessage."""
    message = call.simulation.store.own(ChatMessage, call.read(_MarkAsRead).chat_message_id, call.user_id)
    if message is None:
        return {"errorText": "Not found: chatMessage"}
    return {"chatMessage": save(call, msgspec.structs.replace(message, read_status=True), (call.user_id, None))}


OPERATIONS: dict[str, Handler] = {
    "chat/postchatmessage": post,
    "chat/closechat": close,
    "chat/markasreadchatmessage": mark_as_read,
}
