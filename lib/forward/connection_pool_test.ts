import { assertEquals } from "@std/assert";
import { ConnectionPool, type IdleConnection } from "./connection_pool.ts";

class ScriptedConnection implements IdleConnection {
  readonly openedMs: number;
  isQuiet = false;
  isClosed = false;

  constructor(openedMs = 0) {
    this.openedMs = openedMs;
  }

  watch(): void {
    this.isQuiet = true;
  }

  /** The upstream sends something, or ends it. */
  make(): void {
    this.isQuiet = false;
  }

  close(): void {
    this.isClosed = true;
    this.isQuiet = false;
  }
}

const LIMITS = { maxIdleCount: 2, keepMs: 1000, keptFrom: "opening" } as const;

Deno.test("ConnectionPool gives the connection used last, and each once", () => {
  const pool = new ConnectionPool<ScriptedConnection>(LIMITS);
  const [one, two, three] = [new ScriptedConnection(), new ScriptedConnection(), new ScriptedConnection()];
  for (const each of [one, two, three]) pool.put(each, 10);
  assertEquals([one, two, three].map(({ isClosed }) => isClosed), [false, false, true]);
  assertEquals([pool.take(10) === two, pool.take(10) === one, pool.take(10)], [true, true, null]);
});

Deno.test("ConnectionPool closes what its upstream has ended, and what is too old", () => {
  const pool = new ConnectionPool<ScriptedConnection>(LIMITS);
  const [ended, old, late] = [new ScriptedConnection(), new ScriptedConnection(), new ScriptedConnection(500)];
  pool.put(ended, 0);
  pool.put(old, 0);
  ended.make();
  // The pool has not been told yet, and looks.
  assertEquals(pool.take(1) === old, true);
  assertEquals(pool.take(1), null);
  assertEquals(ended.isClosed, true);
  pool.put(old, 999);
  pool.sweep(1000);
  assertEquals([old.isClosed, pool.idleCount], [true, 0]);
  pool.put(late, 1499);
  assertEquals([pool.take(1500), late.isClosed], [null, true]);
});

Deno.test("ConnectionPool keeps a connection for so long after its last use, where that counts", () => {
  const pool = new ConnectionPool<ScriptedConnection>({ ...LIMITS, keptFrom: "last_use" });
  const connection = new ScriptedConnection();
  pool.put(connection, 5000);
  assertEquals(pool.take(5999) === connection, true);
  pool.put(connection, 5999);
  pool.sweep(6998);
  assertEquals(pool.idleCount, 1);
  pool.sweep(6999);
  assertEquals([pool.idleCount, connection.isClosed], [0, true]);
});

Deno.test("ConnectionPool.sweep() closes what something has come on, and none that is idle again", () => {
  const pool = new ConnectionPool<ScriptedConnection>(LIMITS);
  const [ended, used] = [new ScriptedConnection(), new ScriptedConnection()];
  pool.put(used, 0);
  pool.take(0);
  used.make();
  pool.put(used, 0);
  pool.put(ended, 0);
  ended.make();
  pool.sweep(0);
  assertEquals([pool.idleCount, ended.isClosed, used.isClosed], [1, true, false]);
});

Deno.test("ConnectionPool.close() closes all, and what is put later", () => {
  const pool = new ConnectionPool<ScriptedConnection>(LIMITS);
  const [one, two] = [new ScriptedConnection(), new ScriptedConnection()];
  pool.put(one, 0);
  pool.close();
  pool.put(two, 0);
  assertEquals([one.isClosed, two.isClosed], [true, true]);
});
