import {NodectlError} from '../../lib/errors.ts';

/** nft refused a transaction; `complaint` in its own words. */
export class Refusal extends NodectlError {
  readonly complaint: string;

  constructor(complaint: string) {
    super('ND712', `nft refused a transaction: ${complaint}`);
    this.complaint = complaint;
  }
}

/** What the kernel, or nft about it, says of its moment and not of the map. */
const momentary = /^Error: (cache initialization failed|Could not process rule)/m;

/**
 * Whether a map exists of which an element that never exists was to be deleted: the kernel's complaint is of the element,
 * nft's own of the map, or of what is there in its place.
 * @throws the error where it says nothing of either
 */
export function isThere(error: unknown): boolean {
  if (!(error instanceof Refusal)) throw error;
  if (error.complaint.includes('Could not process rule: No such file')) return true;
  if (momentary.test(error.complaint)) throw error;
  return false;
}
