"""Limits, sessions, sockets, hours and charts as the command line sets them, seen from outside."""

from datetime import UTC, datetime, timedelta

from .charting import MINUTES, past
from .conftest import Api, Socket, Tv, open_socket
from .processes import running


def seconds_to_saturday(ahead: float) -> float:
    """From a clock that is `ahead` seconds ahead to noon of a Saturday in Chicago, when nothing trades."""
    now = datetime.now(UTC) + timedelta(seconds=ahead)
    day = now + timedelta(days=(5 - now.weekday()) % 7)
    saturday = day.replace(hour=18, minute=0, second=0, microsecond=0)
    return (saturday - now).total_seconds() % (7 * 24 * 3600)


def test_budgets_penalties_and_the_api_key() -> None:
    options = "--limits real --user-requests 5 --address-requests auth/renewaccesstoken=1 --penalty-seconds 7"
    with running(*options.split(), "--captcha-after", "1", "--tv-requests", "2", "--cid", "8") as simulator:
        api = Api(simulator, "trader")
        assert api.post("auth/accesstokenrequest", name="trader", password="trader-pass", cid=9)["errorText"]
        assert "accessToken" in api.get("auth/renewaccesstoken")
        penalties = [api.get("auth/renewaccesstoken") for _ in range(2)]
        assert [(one["p-time"], one["p-captcha"]) for one in penalties] == [(7, False), (3600, True)]
        assert [api.http.get("/v1/account/list").status_code for _ in range(2)] == [200, 429]
        tv = Tv(simulator, "pro")
        assert [tv.http.get("/accounts").status_code for _ in range(3)] == [200, 200, 429]


def test_tokens_sessions_sockets_devices_hours_and_charts() -> None:
    options = "--control --token-lifetime 60 --sessions-per-user 1 --sockets-per-user 1 --sockets-per-address 2"
    more = "--verified-device desk --session-hours --chart-elements 5 --market-data pro=None"
    with running(*options.split(), *more.split()) as simulator:
        first = Api(simulator, "trader")
        trader, pro = Api(simulator, "trader"), Api(simulator, "pro")
        assert first.http.get("/v1/account/list").status_code == 401
        with open_socket(simulator, trader.token) as one:
            assert len(past(one, MINUTES, asMuchAsElements=50).bars) == 5
            with open_socket(simulator, trader.token), open_socket(simulator) as third:
                assert shutdown_of(one) == "ConnectionQuotaReached"
                assert third.ask("authorize", pro.token)["s"] == 200
                assert third.ask("md/subscribequote", {"symbol": "ESZ6"})["d"]["mode"] == "None"
                with open_socket(simulator) as fourth:
                    assert shutdown_of(fourth) == "IPQuotaReached"
        simulator.control.advance(61)
        assert trader.http.get("/v1/account/list").status_code == 401
        simulator.control.advance(seconds_to_saturday(ahead=61))
        late = Api(simulator, "trader")
        order = {"accountId": 1001001, "action": "Buy", "symbol": "ESZ6", "orderQty": 1, "orderType": "Market"}
        assert late.http.post("/v1/order/placeorder", json=order).status_code == 401
        demo = late.http.post("/v1/order/placeorder", json=order, headers={"Host": "demo.tradovateapi.com"})
        assert demo.json()["failureReason"] == "SessionClosed"


def shutdown_of(socket: Socket) -> str:
    """Why a socket is shut down; what was on its way before that is read."""
    while True:
        for message in socket.message():
            if message.get("e") == "shutdown":
                reason: str = message["d"]["reasonCode"]
                return reason
