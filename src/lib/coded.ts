import type {Code} from './codes/catalogue.ts';
import {describeError, NodectlError} from './errors.ts';

/** Any thrown value as a coded error; what nodectl does not know is ND999. */
export function coded(error: unknown): NodectlError {
  if (error instanceof NodectlError) return error;
  const {code, place, next} = ofFile(error);
  const words = describeError(error);
  const message = place === undefined || words.includes(place) ? words : `${place}: ${words}`;
  return new NodectlError(code, message, {cause: error, next});
}

type FileError = {code?: unknown; syscall?: unknown; path?: unknown; dest?: unknown};
type Known = {readonly code: Code; readonly place: string | undefined; readonly next: readonly string[]};

/** What the kernel says of files and of nothing else. */
const always: Readonly<Record<string, Code>> = {
  ENOSPC: 'ND106',
  EDQUOT: 'ND106',
  EROFS: 'ND109',
  EISDIR: 'ND111',
  ELOOP: 'ND111',
  EIO: 'ND111',
};
/** Of a file where one is named: sockets and programs can have them, too. */
const withPath = ['ENOENT', 'ENOTDIR', 'EEXIST', 'ENOTEMPTY', 'EACCES', 'EPERM', 'EBUSY', 'ENAMETOOLONG'];

function ofFile(error: unknown): Known {
  const {code, syscall, path, dest}: FileError = typeof error === 'object' && error !== null ? error : {};
  const isFile = !/^(spawn|connect|listen|bind)/.test(String(syscall));
  const place = isFile ? [dest, path].find((one) => typeof one === 'string') : undefined;
  const errno = String(code);
  const known = always[errno] ?? (place !== undefined && withPath.includes(errno) ? 'ND111' : 'ND999');
  return {code: known, place, next: place === undefined ? [] : steps(known, place)};
}

function steps(code: Code, path: string): readonly string[] {
  switch (code) {
    case 'ND106':
      return [`df -h ${path}; df -i ${path}`, 'Free some space, then run the same command again.'];
    case 'ND109':
      return [`findmnt -T ${path}`, 'sudo dmesg | grep -iE "remount|I/O error"'];
    case 'ND111':
      return [`namei -l ${path}`, `sudo lsattr -d ${path}; sudo dmesg | tail`];
    default:
      return [];
  }
}
