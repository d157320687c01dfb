import {hashOf} from './fingerprint.ts';

export type ListedChain = {readonly rules: number; readonly hash: number};

/**
 * A table as nft prints it, read line by line and kept as hashes: the listing of a large cluster is never whole in
 * memory. Sets that packets fill (session affinity) are left out.
 */
export class Listing {
  /** Sums of the hashes of each set's or map's elements. */
  readonly containers = new Map<string, number>();
  readonly chains = new Map<string, ListedChain>();
  #block: {kind: 'container' | 'chain'; name: string} | undefined;
  #inElements = false;
  lines = 0;

  line(line: string): void {
    this.lines++;
    const opened = /^\t(set|map|chain) (\S+) \{$/.exec(line);
    if (opened !== null) this.#open(opened[1] === 'chain' ? 'chain' : 'container', opened[2] ?? '');
    else if (line === '\t}') this.#block = undefined;
    else if (this.#block?.kind === 'chain') this.#rule(this.#block.name, line);
    else if (this.#block !== undefined) this.#container(this.#block.name, line);
  }

  #open(kind: 'container' | 'chain', name: string): void {
    this.#block = {kind, name};
    if (kind === 'chain') this.chains.set(name, {rules: 0, hash: 0});
    else this.containers.set(name, 0);
  }

  /** A rule that is too long for nft goes on in lines that are further in. */
  #rule(name: string, line: string): void {
    const known = this.chains.get(name);
    if (known === undefined || /^\t\ttype \w+ hook /.test(line)) return;
    const rules = known.rules + (/^\t\t\S/.test(line) ? 1 : 0);
    this.chains.set(name, {rules, hash: hashOf(`${known.hash} ${line}`)});
  }

  #container(name: string, line: string): void {
    if (/^\t\tflags .*dynamic/.test(line)) {
      this.containers.delete(name);
      this.#block = undefined;
      return;
    }
    const start = '\t\telements = { ';
    if (line.startsWith(start)) this.#inElements = true;
    if (!this.#inElements) return;
    const ends = line.endsWith(' }');
    const text = line.slice(line.startsWith(start) ? start.length : 0, ends ? -2 : undefined);
    let sum = this.containers.get(name) ?? 0;
    for (const element of text.split(',')) {
      const plain = element.trim();
      if (plain !== '') sum = (sum + hashOf(plain)) >>> 0;
    }
    this.containers.set(name, sum);
    this.#inElements = !ends;
  }
}
