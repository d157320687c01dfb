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

  it('says which entry is damaged and how, what is left to undo, and what to type', async () => {
    const store = memoryStore();
    const journal = await Journal.open(store);
    await journal.note(sysctl);
    await journal.note(file('a'));
    await journal.note({kind: 'module', target: 'overlay'});
    store.files.set('0002.json', '{"kind":"file","target":"/etc/x","bef');
    await expect(Journal.open(store)).rejects.toMatchObject({
      code: 'ND610',
      message:
        'the journal is damaged; what the other 2 entries tell of can still be undone\n' +
        '0002.json ends in its middle, after 37 bytes; it told of file /etc/x',
      next: [
        'sudo mkdir -p /root/nodectl-journal && sudo mv /journal/0002.* /root/nodectl-journal/',
        expect.stringContaining('Then run the same command again'),
      ],
    });
  });

  it('goes on without its last entry where that is damaged: a power loss came before the change', async () => {
    const store = memoryStore();
    const journal = await Journal.open(store);
    await journal.note(sysctl);
    await journal.note(file('a'));
    store.files.set('0002.json', '\0'.repeat(80));
    const again = await Journal.open(store);
    expect(again.entries).toEqual([sysctl]);
    expect(again.torn).toEqual({name: '0002.json', how: 'holds nothing but zero bytes', told: undefined});
  });

  it('has a whole journal again when something is noted after a damaged end', async () => {
    const store = memoryStore(new Map([['0001.json', '{"kind":']]));
    const journal = await Journal.open(store);
    await journal.note(sysctl);
    await journal.note(file('a'));
    const again = await Journal.open(store);
    expect(again.torn).toBeUndefined();
    expect(again.entries).toEqual([sysctl, file('a')]);
  });

  it('never takes the number of a damaged end again, whose saved file is the only one', async () => {
    const store = memoryStore(new Map([['0001.json', '{"kind":"file"']]));
    store.files.set('0001.pre', 'theirs');
    const journal = await Journal.open(store);
    await journal.savePreImage(new TextEncoder().encode('another'));
    expect(store.files.get('0001.pre')).toBe('theirs');
  });
});

const whole = '{"kind":"module","target":"overlay"}';

describe('an entry of a journal', () => {
  it.each<[string, string, string]>([
    [
      'that is cut',
      '{"kind":"file","target":"/etc/x","bef',
      'ends in its middle, after 37 bytes; it told of file /etc/x',
    ],
    ['that is empty', '', 'is empty'],
    ['that is all zeros', '\0\0\0', 'holds nothing but zero bytes'],
    ['that ends in zeros', `{"kind":"module","tar${'\0'.repeat(9)}`, 'has zero bytes from byte 21 on'],
    ['that is another file’s', 'ELF\u0001', 'is not text that nodectl wrote'],
    [
      'with garbage in its middle',
      '{"kind":"module","target":"ov\uFFFDlay"}',
      'is not text that nodectl wrote; it told of module ov\uFFFDlay',
    ],
    ['that is no entry', '[]', 'is not text that nodectl wrote'],
  ])('%s is told as damage before anything is undone', async (_, text, how) => {
    const store = memoryStore(
      new Map([
        ['0001.json', text],
        ['0002.json', whole],
      ]),
    );
    await expect(Journal.open(store)).rejects.toMatchObject({
      code: 'ND610',
      message: expect.stringContaining(`0001.json ${how}`),
    });
  });

  it.each<[string, string]>([
    ['without what was before', '{"kind":"file","target":"/etc/x"}'],
    ['of a kind that a newer nodectl made', '{"kind":"firmware","target":"x"}'],
    ['of a firewall that a newer nodectl knows', '{"kind":"firewall","target":"1/tcp","firewall":"pf"}'],
  ])('%s is a newer nodectl’s, also as the last one', async (_, text) => {
    const store = memoryStore(
      new Map([
        ['0001.json', whole],
        ['0002.json', text],
      ]),
    );
    await expect(Journal.open(store)).rejects.toMatchObject({
      code: 'ND604',
      message: expect.stringContaining('/journal/0002.json'),
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
