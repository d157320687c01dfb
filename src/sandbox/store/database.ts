import {DatabaseSync} from 'node:sqlite';
import type {Obj} from '../contract.ts';

export type Row = {readonly collection: string; readonly key: string; readonly json: string};

/**
 * Durable storage: one row per object and the last resourceVersion. WAL with synchronous=NORMAL: what a write
 * call returned from survives the death of the process (a power cut may lose the last moments, never consistency).
 */
export class Database {
  readonly #db: DatabaseSync;
  readonly #put: ReturnType<DatabaseSync['prepare']>;
  readonly #remove: ReturnType<DatabaseSync['prepare']>;
  readonly #mark: ReturnType<DatabaseSync['prepare']>;

  constructor(path: string) {
    this.#db = new DatabaseSync(path);
    this.#db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=2000');
    this.#db.exec(
      `CREATE TABLE IF NOT EXISTS objects (collection TEXT NOT NULL, key TEXT NOT NULL, json TEXT NOT NULL,
         PRIMARY KEY (collection, key)) WITHOUT ROWID;
       CREATE TABLE IF NOT EXISTS version (id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL);
       INSERT OR IGNORE INTO version VALUES (1, 1)`,
    );
    this.#put = this.#db.prepare('INSERT OR REPLACE INTO objects VALUES (?, ?, ?)');
    this.#remove = this.#db.prepare('DELETE FROM objects WHERE collection = ? AND key = ?');
    this.#mark = this.#db.prepare('UPDATE version SET revision = ?');
  }

  revision(): number {
    return Number(this.#db.prepare('SELECT revision FROM version').get()?.revision ?? 1);
  }

  *rows(): Iterable<Row> {
    for (const row of this.#db.prepare('SELECT collection, key, json FROM objects').iterate())
      yield {collection: String(row.collection), key: String(row.key), json: String(row.json)};
  }

  /** One change and the revision it made, together or not at all. `json` undefined removes. */
  write(collection: string, key: string, json: string | undefined, revision: number): void {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      if (json === undefined) this.#remove.run(collection, key);
      else this.#put.run(collection, key, json);
      this.#mark.run(revision);
      this.#db.exec('COMMIT');
    } catch (error) {
      this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#db.close();
  }
}

/** What was stored by this program is trusted to have its own shape. */
export function decode(json: string): Obj {
  const object: Obj = JSON.parse(json);
  return object;
}
