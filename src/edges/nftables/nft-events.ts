export type Transaction = {
  readonly pid: number;
  /** The program's. */
  readonly program: string;
  /** It says what it changed, and none of it is in the table that is asked for. */
  readonly isElsewhere: boolean;
  /** It names the mark. */
  readonly isMarked: boolean;
};

/**
 * Reads `xtables-monitor --event`. It prints tables, chains and rules as they change, and the transaction at its end:
 *
 *     EVENT: nft: NEW table: table other ip flags 0 use 2 handle 2
 *     EVENT: -4 -t other -A chain -j ACCEPT
 *    NEWGEN: GENID=4 PID=29303 NAME=nft
 *
 * Of elements it prints nothing: what has only changed elements may have changed anybody's.
 */
export class NftEvents {
  readonly #table: string;
  readonly #mark: string;
  #told = false;
  #named = false;
  #marked = false;

  constructor(table: string, mark: string) {
    this.#table = table;
    this.#mark = mark;
  }

  /** The transaction that ends with this line. */
  line(line: string): Transaction | undefined {
    const [, pid, program = ''] = /^NEWGEN: .*\bPID=(\d+)(?: NAME=(.*))?/.exec(line) ?? [];
    if (pid === undefined) {
      this.#told = true;
      const words = line.split(/\s+/);
      this.#named ||= words.includes(this.#table);
      this.#marked ||= words.includes(this.#mark);
      return undefined;
    }
    const isElsewhere = this.#told && !this.#named;
    const isMarked = this.#marked;
    this.#told = false;
    this.#named = false;
    this.#marked = false;
    return {pid: Number(pid), program, isElsewhere, isMarked};
  }
}
