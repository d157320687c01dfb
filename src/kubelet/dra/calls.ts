import type {DraClaim, DraClient} from '../../edges/dra/client.ts';
import type {ClaimRecord} from './types.ts';

/** What each driver has to prepare yet. */
export function batches(records: readonly ClaimRecord[]): Map<string, ClaimRecord[]> {
  return byDriverOf([...new Set(records)].filter(({prepared}) => !prepared));
}

export function byDriverOf(records: readonly ClaimRecord[]): Map<string, ClaimRecord[]> {
  const found = new Map<string, ClaimRecord[]>();
  for (const record of records)
    for (const driver of record.drivers.keys()) found.set(driver, [...(found.get(driver) ?? []), record]);
  return found;
}

function messageOf({namespace, uid, name}: ClaimRecord): DraClaim {
  return {namespace, uid, name};
}

export async function prepareBy(
  driver: string,
  client: DraClient,
  records: readonly ClaimRecord[],
  signal: AbortSignal,
): Promise<void> {
  const answers = await client.prepare(records.map(messageOf), signal);
  expectAll('NodePrepareResources', records, answers.keys());
  for (const record of records) {
    const {error, devices} = answers.get(record.uid) ?? {error: '', devices: []};
    if (error !== '')
      throw new Error(`NodePrepareResources failed for ResourceClaim ${record.name}: ${error}`);
    record.drivers.set(driver, devices);
  }
}

export async function unprepareBy(client: DraClient, records: readonly ClaimRecord[]): Promise<void> {
  const answers = await client.unprepare(records.map(messageOf));
  for (const {uid, name} of records) {
    const error = answers.get(uid) ?? '';
    if (error !== '') throw new Error(`NodeUnprepareResources failed for ResourceClaim ${name}: ${error}`);
  }
  expectAll('NodeUnprepareResources', records, answers.keys());
}

function expectAll(method: string, asked: readonly {uid: string}[], answered: Iterable<string>): void {
  const uids = new Set(answered);
  for (const uid of uids)
    if (!asked.some((one) => one.uid === uid))
      throw new Error(`${method} returned result for unknown claim UID ${uid}`);
  if (uids.size < asked.length)
    throw new Error(`${method} skipped ${asked.length - uids.size} ResourceClaims`);
}
