// What a trader calls accounts, and how much may still be lost in them. Run by tests/portal/test_static.py.

import assert from "node:assert/strict";
import test from "node:test";

import { nearest, nearness, personal } from "../../portal/static/portal/personal.js";

const own = { 1: { alias: "Prop", daily_loss: "1,000.00" }, 2: { alias: "", daily_loss: "" } };

test("rows carry the trader's names wherever an account is named, and those of Tradovate elsewhere", () => {
  const rows = {
    "account:1": { id: "1", name: "DEMO1", day_pnl: "-250.25" },
    "account:2": { id: "2", name: "DEMO2", day_pnl: "0.00" },
    "fill:9": { account_id: "1", account: "DEMO1" },
    "intent:8": { account_id: "2", account: "DEMO2" },
    upstream: { state: "up" },
  };
  const shown = personal(rows, own);
  assert.deepEqual([shown["account:1"].name, shown["account:2"].name], ["Prop", "DEMO2"]);
  assert.deepEqual([shown["account:1"].own_loss_limit, shown["account:1"].own_loss_left], ["1,000.00", "749.75"]);
  assert.deepEqual([shown["account:2"].own_loss_limit, shown["account:2"].own_loss_left], ["—", "—"]);
  assert.deepEqual([shown["fill:9"].account, shown["intent:8"].account], ["Prop", "DEMO2"]);
  assert.deepEqual(shown.upstream, rows.upstream);
  assert.equal(rows["account:1"].name, "DEMO1");
});

test("of several accounts the one that is nearest to its limit is told, and an unknown one before all", () => {
  const account = (name, left, limit) => ({ name, loss_left: left, loss_limit: limit });
  const far = account("far", "1,200.00", "2,000.00");
  assert.deepEqual(nearest([far, account("none", "—", "—"), account("near", "-5.00", "100.00")], "loss"), { left: "-5.00", limit: "100.00", name: "near" });
  assert.equal(nearest([far, account("unknown", "—", "500.00")], "loss").name, "unknown");
  assert.equal(nearest([account("none", "—", "—")], "loss"), null);
  assert.equal(nearest([far], "drawdown"), null);
});

test("how near a limit is", () => {
  assert.deepEqual(["100.01", "100.00", "0.00", "-3.00", "—"].map((left) => nearness(left, "500.00")), ["", "near", "reached", "reached", ""]);
});
