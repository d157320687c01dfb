import {describe, expect, it} from 'vitest';
import type {Entry} from '../../../src/bootstrap/apply/entries.ts';
import {Journal} from '../../../src/bootstrap/undo/journal.ts';
import type {JournalStore} from '../../../src/edges/logs/journal-store.ts';

/** Keeps state, so that a journal can be opened again on what another left. */
function memoryStore(files = new Map<string, string>()): JournalStore & {files: Map<string, string>} {
  return {
    dir: '/journal',
    files,
    read: async () =>
      [...files].filter(([name]) => name.endsWith('.json')).map(([name, text]) => ({name, text})),
    write: async (name, content) => {
      files.set(name, typeof content === 'string' ? content : new TextDecoder().decode(content));
    },
    readBytes: async (name) => new TextEncoder().encode(files.get(name) ?? ''),
    remove: async (name) => {
      files.delete(name);
    },
  };
}

const sysctl: Entry = {kind: 'sysctl', target: 'net.ipv4.ip_forward', before: '0'};
const file = (after: string): Entry => ({
  kind: 'file',
  target: '/etc/x',
  before: {kind: 'absent'},
  after: [after],
});

describe('Journal', () => {
  it('is the same after a crash', async () => {
    const store = memoryStore();
    const journal = await Journal.open(store);
    await journal.note(sysctl);
    await journal.note(file('a'));
    const again = await Journal.open(memoryStore(store.files));
    expect(again.entries).toEqual([sysctl, file('a')]);
  });

  it('keeps the first before of a thing and every content of ours', async () => {
    const journal = await Journal.open(memoryStore());
    await journal.note(file('a'));
    await journal.note({...file('b'), before: {kind: 'link', to: '/y'}} as Entry);
    await journal.note({...sysctl, before: '1'} as Entry);
    await journal.note(sysctl);
    expect(journal.entries).toEqual([
      {kind: 'file', target: '/etc/x', before: {kind: 'absent'}, after: ['a', 'b']},
      {...sysctl, before: '1'},
    ]);
  });

  it('writes nothing for what it already knows', async () => {
    const store = memoryStore();
    const journal = await Journal.open(store);
    await journal.note(file('a'));
    store.files.clear();
    await journal.note(file('a'));
    expect(store.files.size).toBe(0);
  });

  it('keeps its order when entries are forgotten', async () => {
    const store = memoryStore();
    const journal = await Journal.open(store);
    await journal.note(sysctl);
    await journal.note(file('a'));
    await journal.forget(file('a'));
    await journal.note({kind: 'module', target: 'overlay'});
    expect((await Journal.open(store)).entries.map(({kind}) => kind)).toEqual(['sysctl', 'module']);
  });

  it('covers what goes away with a data directory, and only that', async () => {
    const journal = await Journal.open(memoryStore());
    await journal.note({kind: 'tree', target: '/var/lib/kubelet', existed: true, before: ['theirs']});
    expect(journal.covers('/var/lib/kubelet/config.yaml')).toBe(true);
    expect(journal.covers('/var/lib/kubelet/theirs/x')).toBe(false);
    expect(journal.covers('/var/lib/kubelet-other/x')).toBe(false);
    expect(journal.covers('/var/lib/kubelet')).toBe(false);
  });

  it('refuses to go on with an entry that cannot be read', async () => {
    await expect(Journal.open(memoryStore(new Map([['0001.json', '{"kind":']])))).rejects.toMatchObject({
      code: 'ND604',
    });
  });
});

describe('an entry of a journal', () => {
  it.each<[string, string]>([
    ['that is cut', '{"kind":"file","target":"/etc/x","bef'],
    ['that is empty', ''],
    ['that is no entry', '[]'],
    ['without what was before', '{"kind":"file","target":"/etc/x"}'],
    ['of a kind that a newer nodectl made', '{"kind":"firmware","target":"x"}'],
    ['of a firewall that a newer nodectl knows', '{"kind":"firewall","target":"1/tcp","firewall":"pf"}'],
  ])('%s is refused before anything is undone', async (_, text) => {
    const store = memoryStore(new Map([['0001.json', text]]));
    await expect(Journal.open(store)).rejects.toMatchObject({
      code: 'ND604',
      message: '/journal/0001.json cannot be read',
    });
  });

  it.each<Entry>([
    {kind: 'file', target: '/a', before: {kind: 'file', saved: 'x', mode: 420, uid: 0, gid: 0}, after: []},
    {kind: 'tree', target: '/a', existed: true, before: ['b']},
    {kind: 'packages', target: 'apt', names: ['runc']},
    {kind: 'service', target: 'containerd', before: undefined},
    {kind: 'service', target: 'containerd', before: {enabled: true, running: false}},
    {kind: 'firewall', target: '10250/tcp', firewall: 'ufw'},
    {kind: 'node', target: 'worker', server: ''},
    {kind: 'interface', target: 'cni0'},
    {kind: 'module', target: 'overlay'},
    {kind: 'swap', target: '/dev/sda2'},
  ])('of kind $kind is read as it was written', async (entry) => {
    const store = memoryStore();
    await (await Journal.open(store)).note(entry);
    expect((await Journal.open(store)).entries).toEqual([entry]);
  });
});
