import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {readText, writeAtomic} from '../../src/edges/files/files.ts';
import {coded} from '../../src/lib/coded.ts';
import {NodectlError} from '../../src/lib/errors.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nodectl-coded-'));
});
afterAll(() => rm(directory, {recursive: true}));

const failed = (fields: object): Error => Object.assign(new Error('it failed'), fields);

describe('an error of the machine', () => {
  it.each<[string, object, string, RegExp]>([
    ['a full disk', {code: 'ENOSPC', syscall: 'write'}, 'ND106', /^$/],
    ['a full disk, named', {code: 'ENOSPC', syscall: 'open', path: '/a/b'}, 'ND106', /df -h \/a\/b/],
    ['a used up quota', {code: 'EDQUOT', syscall: 'write'}, 'ND106', /^$/],
    ['a read-only disk', {code: 'EROFS', syscall: 'open', path: '/a/b'}, 'ND109', /findmnt -T \/a\/b/],
    ['a broken disk', {code: 'EIO', syscall: 'read'}, 'ND111', /^$/],
    ['a file that is gone', {code: 'ENOENT', syscall: 'open', path: '/a/b'}, 'ND111', /namei -l \/a\/b/],
    ['an immutable file', {code: 'EPERM', syscall: 'unlink', path: '/a/b'}, 'ND111', /lsattr -d \/a\/b/],
    ['a rename', {code: 'EISDIR', syscall: 'rename', path: '/t', dest: '/a/b'}, 'ND111', /namei -l \/a\/b/],
    ['a program that is gone', {code: 'ENOENT', syscall: 'spawn x', path: 'x'}, 'ND999', /^$/],
    ['a socket', {code: 'ECONNREFUSED', syscall: 'connect', path: '/run/x'}, 'ND999', /^$/],
    ['no system call', {}, 'ND999', /^$/],
  ])('is told by its code: %s', (_, fields, code, next) => {
    const error = coded(failed(fields));
    expect(error.code).toBe(code);
    expect(error.next.join('\n')).toMatch(next);
  });

  it('that has a code keeps it', () => {
    const error = new NodectlError('ND601', 'x');
    expect(coded(error)).toBe(error);
  });

  it('names the directory that lies where a file belongs, whether it is read or written', async () => {
    const told = expect.objectContaining({code: 'ND111', message: expect.stringContaining(directory)});
    const reading = await readText(directory).catch(coded);
    const writing = await writeAtomic(directory, 'x').catch(coded);
    expect([reading, writing]).toEqual([told, told]);
  });
});
